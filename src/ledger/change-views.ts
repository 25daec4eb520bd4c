import type { Channel, Lane } from "../domain/category.ts";
import type { Change, ChangeStatus, Difference } from "../domain/change.ts";
import type { DeliveryStatus } from "../domain/delivery.ts";
import type { NoticeKind, NoticeStatus } from "../domain/notice.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Sql } from "./connection.ts";

/** A change as lists show it. */
export type ChangeView = {
  change: string;
  revision: number;
  status: ChangeStatus;
  state: Change;
  verdict: Verdict;
  pausedAt: Date | null;
  releasedAt: Date | null;
  policyZone: string;
};

/** The latest revision's verdict; a short one is waived by a word on the whole change, given since its date holds. */
const VERDICT = `CASE WHEN r.verdict->>'status' = 'short' AND EXISTS (
      SELECT FROM waivers w WHERE w.change = c.change AND w.partner IS NULL AND w.at >= (c.state->>'dateSince')::timestamptz)
    THEN jsonb_set(r.verdict, '{status}', '"waived"') ELSE r.verdict END`;

/** The columns and tables of a change as it is shown; `c` is the change, `r` its latest revision. */
export const VIEW = `SELECT c.change, c.revision, c.status, c.state, ${VERDICT} AS verdict, c.paused_at AS "pausedAt",
    c.released_at AS "releasedAt", p.policy->>'timeZone' AS "policyZone"
  FROM changes c JOIN revisions r ON r.change = c.change AND r.revision = c.revision
  JOIN policies p ON p.hash = r.policy`;

export type ChangeFilter = { category?: string | undefined; service?: string | undefined; status?: string | undefined };

/** Changes in order of their id, after `after`. */
export const listChanges = async (
  sql: Sql,
  filter: ChangeFilter,
  after: string,
  limit: number,
): Promise<ChangeView[]> => {
  const { rows } = await sql.query<ChangeView>(
    `${VIEW} WHERE c.change > $1 AND ($2::text IS NULL OR c.category = $2) AND ($3::text IS NULL OR c.service = $3)
       AND ($4::text IS NULL OR c.status = $4)
     ORDER BY c.change LIMIT $5`,
    [after, filter.category, filter.service, filter.status, limit],
  );
  return rows;
};

export const findChangeView = async (sql: Sql, change: string): Promise<ChangeView | null> => {
  const { rows } = await sql.query<ChangeView>(`${VIEW} WHERE c.change = $1`, [change]);
  return rows[0] ?? null;
};

export const changeExists = async (sql: Sql, change: string): Promise<boolean> => {
  const { rowCount } = await sql.query("SELECT FROM changes WHERE change = $1", [change]);
  return rowCount === 1;
};

export type RevisionView = {
  revision: number;
  at: Date;
  event: string;
  source: string;
  type: string;
  reason: string | null;
  minor: boolean;
  differs: Difference;
  verdict: Verdict;
};

/** Every revision of a change, oldest first. */
export const listRevisions = async (sql: Sql, change: string): Promise<RevisionView[]> => {
  const { rows } = await sql.query<RevisionView>(
    `SELECT r.revision, r.accepted_at AS at, e.id AS event, e.source, e.type, r.reason, r.minor, r.differs, r.verdict
     FROM revisions r JOIN events e ON e.no = r.event WHERE r.change = $1 ORDER BY r.revision`,
    [change],
  );
  return rows;
};

export type NoticeView = {
  no: number;
  id: string;
  revision: number | null;
  kind: NoticeKind;
  offset: string | null;
  lane: Lane;
  dueAt: Date;
  status: NoticeStatus;
  foldedInto: string | null;
};

/** Notices of a change in the order in which they were planned, after number `after`. */
export const listNotices = async (sql: Sql, change: string, after: number, limit: number): Promise<NoticeView[]> => {
  const { rows } = await sql.query<NoticeView>(
    `SELECT no, id, revision, kind, "offset", lane, due_at AS "dueAt", status, folded_into AS "foldedInto"
     FROM notices WHERE change = $1 AND no > $2 ORDER BY no LIMIT $3`,
    [change, after, limit],
  );
  return rows;
};

export type DeliveryCount = { notice: number; channel: Channel; status: DeliveryStatus; count: number };

/** Deliveries of these notices, counted by channel and status. */
export const countDeliveries = async (sql: Sql, notices: readonly number[]): Promise<DeliveryCount[]> => {
  const { rows } = await sql.query<DeliveryCount>(
    `SELECT notice, channel, status, count(*) AS count FROM deliveries WHERE notice = ANY($1)
     GROUP BY notice, channel, status`,
    [notices],
  );
  return rows;
};
