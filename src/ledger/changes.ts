import type { Lane } from "../domain/category.ts";
import type { Change, Difference } from "../domain/change.ts";
import type { Policy } from "../domain/policy.ts";
import type { Sql } from "./connection.ts";

/** Serialises everything that decides on one change, also before its first row exists; held until the transaction ends. */
export const lockChange = async (sql: Sql, change: string): Promise<void> => {
  await sql.query({
    name: "lock-change",
    text: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
    values: [change],
  });
};

/** As `lockChange` for each, but waits for none: answers those that nobody else has. */
export const tryLockChanges = async (sql: Sql, changes: readonly string[]): Promise<ReadonlySet<string>> => {
  const { rows } = await sql.query<{ change: string }>({
    name: "try-lock-changes",
    text: "SELECT change FROM unnest($1::text[]) AS change WHERE pg_try_advisory_xact_lock(hashtextextended(change, 0))",
    values: [changes],
  });
  return new Set(rows.map(({ change }) => change));
};

/** The database's clock, UTC with milliseconds: the one clock that decides. Read after the lock, so later is later. */
export const readClock = async (sql: Sql): Promise<string> => {
  const { rows } = await sql.query<{ now: Date }>({
    name: "read-clock",
    text: "SELECT date_trunc('milliseconds', clock_timestamp()) AS now",
  });
  return (rows[0]?.now ?? new Date(0)).toISOString();
};

export type RevisionToPlan = {
  revision: number;
  state: Change;
  previous: Change | null;
  differs: Difference;
  minor: boolean;
  acceptedAt: Date;
  policy: Policy;
};

/** The revisions of a change whose notices are not stored yet, oldest first, with what the planner needs of each. */
export const revisionsToPlan = async (sql: Sql, change: string): Promise<RevisionToPlan[]> => {
  const { rows } = await sql.query<RevisionToPlan>({
    name: "revisions-to-plan",
    // All of the change's first: a planner without statistics would look for them among all unplanned revisions.
    text: `WITH mine AS MATERIALIZED (SELECT * FROM revisions WHERE change = $1)
           SELECT r.revision, r.state, former.state AS previous, r.differs, r.minor, r.accepted_at AS "acceptedAt", p.policy
           FROM mine r
           JOIN policies p ON p.hash = r.policy
           LEFT JOIN mine former ON former.revision = r.revision - 1
           WHERE r.planned_at IS NULL
           ORDER BY r.revision`,
    values: [change],
  });
  return rows;
};

export const markPlanned = async (sql: Sql, change: string, revision: number): Promise<void> => {
  await sql.query({
    name: "mark-planned",
    text: "UPDATE revisions SET planned_at = now() WHERE change = $1 AND revision = $2",
    values: [change, revision],
  });
};

/** Changes whose release date has come become `released` by the schedule; answers their ids. */
export const releaseDueChanges = async (sql: Sql): Promise<string[]> => {
  const { rows } = await sql.query<{ change: string }>(
    `UPDATE changes SET status = 'released', released_at = release_at, released_by = 'schedule'
     WHERE status IN ('announced', 'recorded') AND release_at <= now() RETURNING change`,
  );
  return rows.map((row) => row.change);
};

/** Revisions whose notices are not stored yet although they were accepted more than `olderThanMs` ago, oldest first. */
export const unplannedRevisions = async (
  sql: Sql,
  olderThanMs: number,
  limit: number,
): Promise<{ change: string; revision: number; lane: Lane }[]> => {
  const { rows } = await sql.query<{ change: string; revision: number; lane: Lane }>(
    `SELECT change, revision, lane FROM revisions
     WHERE planned_at IS NULL AND accepted_at <= now() - $1 * interval '1 millisecond' ORDER BY accepted_at LIMIT $2`,
    [olderThanMs, limit],
  );
  return rows;
};
