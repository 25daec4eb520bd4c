import type { Lane } from "../domain/category.ts";
import type { Change, Difference } from "../domain/change.ts";
import type { Policy } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Sql } from "./connection.ts";

/** Serialises everything that decides on one change, also before its first row exists; held until the transaction ends. */
export const lockChange = async (sql: Sql, change: string): Promise<void> => {
  await sql.query({
    name: "lock-change",
    text: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
    values: [change],
  });
};

/** The database's clock, UTC with milliseconds: the one clock that decides. Read after the lock, so later is later. */
export const readClock = async (sql: Sql): Promise<string> => {
  const { rows } = await sql.query<{ now: Date }>({
    name: "read-clock",
    text: "SELECT date_trunc('milliseconds', clock_timestamp()) AS now",
  });
  return (rows[0]?.now ?? new Date(0)).toISOString();
};

/**
 * The latest revision's state, and the status now: a release by the schedule makes no revision, so only `status` knows
 * of it. Null before the creation.
 */
export const findChange = async (
  sql: Sql,
  change: string,
): Promise<{ state: Change; status: Change["status"] } | null> => {
  const { rows } = await sql.query<{ state: Change; status: Change["status"] }>({
    name: "find-change",
    text: "SELECT state, status FROM changes WHERE change = $1",
    values: [change],
  });
  return rows[0] ?? null;
};

/** Whether a service exists and is business critical. */
export const findService = async (sql: Sql, service: string): Promise<{ businessCritical: boolean } | null> => {
  const { rows } = await sql.query<{ businessCritical: boolean }>({
    name: "find-service",
    text: `SELECT business_critical AS "businessCritical" FROM services WHERE service = $1`,
    values: [service],
  });
  return rows[0] ?? null;
};

/** Keeps a policy under its hash, once. */
export const keepPolicy = async (sql: Sql, hash: string, policy: Policy): Promise<void> => {
  await sql.query({
    name: "keep-policy",
    text: "INSERT INTO policies (hash, policy) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    values: [hash, JSON.stringify(policy)],
  });
};

export type NewRevision = Omit<Revision, "plan"> & {
  plan: { verdict: Verdict };
  event: number;
  acceptedAt: string;
  policyHash: string;
};

/** Stores a revision and makes it the change's latest, in the caller's transaction. */
export const insertRevision = async (sql: Sql, revision: NewRevision): Promise<void> => {
  const { change } = revision;
  const state = JSON.stringify(change);
  const released = change.status === "released";
  await sql.query({
    name: "upsert-change",
    text: `INSERT INTO changes (change, revision, status, category, service, release_at, state, released_at, released_by, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
           ON CONFLICT (change) DO UPDATE SET revision = $2, status = $3, category = $4, service = $5, release_at = $6,
             state = $7, released_at = CASE WHEN $3 = 'released' THEN coalesce($8, changes.released_at) END,
             released_by = CASE WHEN $3 = 'released' THEN coalesce(changes.released_by, $9) END`,
    values: [
      change.change,
      change.revision,
      change.status,
      change.fields.category,
      change.fields.service,
      revision.releaseAt,
      state,
      released ? revision.releasedAt : null,
      released ? "event" : null,
      revision.acceptedAt,
    ],
  });
  await sql.query({
    name: "insert-revision",
    text: `INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, reason, minor, verdict)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    values: [
      change.change,
      change.revision,
      revision.event,
      revision.acceptedAt,
      revision.policyHash,
      revision.lane,
      state,
      JSON.stringify(revision.differs),
      revision.reason,
      revision.minor,
      JSON.stringify(revision.plan.verdict),
    ],
  });
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
    text: `SELECT r.revision, r.state, former.state AS previous, r.differs, r.minor, r.accepted_at AS "acceptedAt", p.policy
           FROM revisions r
           JOIN policies p ON p.hash = r.policy
           LEFT JOIN revisions former ON former.change = r.change AND former.revision = r.revision - 1
           WHERE r.change = $1 AND r.planned_at IS NULL
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
