import type pg from "pg";
import type { Lane } from "../domain/category.ts";
import type { NoticeStatus, PlannedNotice } from "../domain/notice.ts";
import type { Supersession } from "../domain/turn.ts";
import { inTransaction, type Sql } from "./connection.ts";
import { lookUp, membersOf } from "./look-up.ts";

type NewNotices = {
  change: string;
  revision: number;
  /** The instant of the release date that the notices bear; null when undated. */
  releaseAt: string | null;
  notices: readonly PlannedNotice[];
};

/** A plan's notices, by the names of their columns. */
export const noticeRows = ({ change, revision, releaseAt, notices }: NewNotices) =>
  notices.map((notice) => ({
    id: notice.id,
    change,
    revision,
    kind: notice.kind,
    offset: notice.offset,
    lane: notice.lane,
    audience: notice.audience,
    release_at: releaseAt,
    due_at: notice.dueAt,
    fan_out_at: notice.fanOutAt,
    day: notice.day,
    escalates: notice.escalates,
    status: notice.status,
    folded_into: notice.foldedInto,
  }));

/** INSERT of `noticeRows`, which are `parameter` as JSON. */
export const newNotices = (parameter: string): string => `
    INSERT INTO notices (id, change, revision, kind, "offset", lane, audience, release_at, due_at, fan_out_at, day, escalates,
                         status, folded_into)
    SELECT * FROM jsonb_to_recordset(${parameter}) AS n (
      id text, change text, revision int, kind text, "offset" text, lane text, audience text, release_at timestamptz,
      due_at timestamptz, fan_out_at timestamptz, day date, escalates bool, status text, folded_into text)`;

/** Stores a plan; notices that are stored already stay as they are. */
export const insertNotices = async (sql: Sql, plan: NewNotices): Promise<void> => {
  await sql.query({
    name: "insert-notices",
    text: `${newNotices("$1")} ON CONFLICT (id) DO NOTHING`,
    values: [JSON.stringify(noticeRows(plan))],
  });
};

/** A notice not yet fanned out: what the queue must hold a job for. `dueInMs` is by the database's clock. */
export type OpenNotice = { no: number; id: string; lane: Lane; fanOutAt: Date; dueInMs: number };

const OPEN_NOTICE = `no, id, lane, fan_out_at AS "fanOutAt",
  ceil(extract(epoch FROM fan_out_at - clock_timestamp()) * 1000)::int8 AS "dueInMs"`;
const IS_OPEN = "(status = 'planned' OR (status = 'sending' AND fanned_out_at IS NULL))";

/** The open notices of these changes, in the order of their making. */
export const openNoticesOf = async (sql: Sql, changes: readonly string[]): Promise<OpenNotice[]> => {
  const { rows } = await sql.query<OpenNotice>({
    name: "open-notices-of",
    text: `SELECT ${OPEN_NOTICE} FROM (${membersOf("$1::text[]")}) AS wanted (change)
           CROSS JOIN ${lookUp("notices", "change = wanted.change")} AS theirs WHERE ${IS_OPEN} ORDER BY no`,
    values: [changes],
  });
  return rows;
};

type Ending = {
  change: string;
  /** Notices of revisions before this one may end. */
  revision: number;
  supersedes: Supersession;
  acceptedAt: string;
  /** What they become. */
  status: Extract<NoticeStatus, "superseded" | "cancelled">;
};

/**
 * Ends what earlier revisions still had to say, as far as the new plan takes its place: those open notices become
 * `status` and their waiting deliveries `skipped: superseded`, but for those that a sender has in hand: they are seen
 * through, and what follows waits for them. A fan-out that is under way holds its notice's row, so this waits for its
 * window to commit. Answers how many notices ended.
 *
 * Who has what in hand is decided under the chunks' locks: a sender that took one meanwhile would still see the notices as they
 * were, and begin what is skipped here. It waits for the commit instead, and finds nothing to send.
 */
export const endEarlierNotices = async (sql: Sql, ending: Ending): Promise<number> => {
  const { rows } = await sql.query<{ no: number }>({
    name: "end-earlier-notices",
    text: `UPDATE notices SET status = $3, done_at = now()
           WHERE change = $1 AND revision < $2 AND status IN ('planned', 'sending')
             AND ($4 = 'all' OR due_at > $5 OR ($4 = 'ahead-and-announcements' AND kind = 'announcement'))
           RETURNING no`,
    values: [ending.change, ending.revision, ending.status, ending.supersedes, ending.acceptedAt],
  });
  if (rows.length > 0) {
    const ended = rows.map((row) => row.no);
    await sql.query({
      name: "lock-chunks-of",
      // In one order, since a chunk may be of several changes; the whole of it, so that none is counted before it is locked.
      text: `SELECT count(*) FROM (SELECT DISTINCT chunk FROM chunk_notices WHERE notice = ANY($1) ORDER BY chunk) AS its
             CROSS JOIN LATERAL (SELECT id FROM chunks WHERE id = its.chunk FOR NO KEY UPDATE) AS locked`,
      values: [ended],
    });
    await sql.query({
      name: "skip-superseded",
      text: `
        UPDATE deliveries d SET status = 'skipped', reason = 'superseded', chunk = coalesce(d.chunk, 0)
        FROM (
          SELECT notice, endpoint, chunk FROM deliveries WHERE notice = ANY($1) AND chunk IS NULL
          UNION ALL
          SELECT placed.notice, placed.endpoint, placed.chunk FROM chunk_notices AS its
          CROSS JOIN ${lookUp("chunks", "id = its.chunk")} AS c
          CROSS JOIN ${lookUp("deliveries", "chunk = its.chunk")} AS placed
          WHERE its.notice = ANY($1) AND placed.notice = its.notice
            AND NOT (c.state = 'running' AND c.leased_until > now())
        ) AS it
        WHERE d.notice = it.notice AND d.endpoint = it.endpoint AND d.status = 'waiting' AND d.chunk IS NOT DISTINCT FROM it.chunk`,
      values: [ended],
    });
  }
  return rows.length;
};

/** Open notices in the order in which they fan out, in pages: those due within `aheadMs` (null: all), made `olderThanMs` ago or before. */
export const openNotices = async (
  sql: Sql,
  page: { after: OpenNotice | undefined; aheadMs: number | null; olderThanMs: number; limit: number },
): Promise<OpenNotice[]> => {
  const { rows } = await sql.query<OpenNotice>({
    name: "open-notices",
    text: `SELECT ${OPEN_NOTICE} FROM notices
           WHERE (fan_out_at, no) > ($1, $2) AND fan_out_at <= coalesce(now() + $3 * interval '1 millisecond', 'infinity')
             AND created_at <= now() - $4 * interval '1 millisecond' AND ${IS_OPEN}
           ORDER BY fan_out_at, no LIMIT $5`,
    values: [page.after?.fanOutAt ?? "-infinity", page.after?.no ?? 0, page.aheadMs, page.olderThanMs, page.limit],
  });
  return rows;
};

export type FinishedNotice = {
  id: string;
  change: string | null;
  kind: string;
  lane: Lane;
  /** From the start of the fan-out to the last delivery sent. */
  tookMs: number;
  counts: Record<string, Record<string, number>>;
};

type Counted = { notice: number; channel: string; status: string; count: number; tookMs: number | null };

/** All of its deliveries have come to an end: nothing of it is in an open chunk, and nothing waits for one. */
const HAS_ENDED = `n.status = 'sending' AND n.fanned_out_at IS NOT NULL
             AND NOT EXISTS (SELECT FROM chunk_notices its WHERE its.notice = n.no OFFSET 0)
             AND NOT EXISTS (SELECT FROM deliveries d WHERE d.notice = n.no AND d.chunk IS NULL OFFSET 0)`;

/** Locks the notices that seem to have come to an end, but for those that somebody is adding to. */
export const lockEnded = async (sql: Sql): Promise<number[]> => {
  const { rows } = await sql.query<{ no: number }>({
    name: "lock-ended",
    text: `SELECT n.no FROM notices n WHERE ${HAS_ENDED} FOR UPDATE OF n SKIP LOCKED`,
  });
  return rows.map(({ no }) => no);
};

/**
 * Notices whose deliveries have all come to an end become `done`; answers them with their counts per channel and state.
 * Decided under their locks by what is committed then: somebody may have added a late joiner to one, or put a delivery back.
 */
export const finishNotices = async (pool: pg.Pool): Promise<FinishedNotice[]> => {
  const rows = await inTransaction(pool, async (sql) => {
    const ended = await lockEnded(sql);
    if (ended.length === 0) return [];
    const done = await sql.query<{ no: number } & Omit<FinishedNotice, "counts" | "tookMs">>({
      name: "finish-notices",
      text: `UPDATE notices n SET status = 'done', done_at = now() WHERE n.no = ANY($1) AND ${HAS_ENDED}
           RETURNING n.no, n.id, n.change, n.kind, n.lane`,
      values: [ended],
    });
    return done.rows;
  });
  if (rows.length === 0) return [];
  // All at once: at 200 events a second as many notices end each second, and a statement for each would cost 100 µs on either side.
  const { rows: counted } = await pool.query<Counted>({
    name: "count-deliveries",
    text: `SELECT d.notice, d.channel, d.status, count(*) AS count,
                  (extract(epoch FROM max(d.sent_at) - min(n.fan_out_started_at)) * 1000)::int8 AS "tookMs"
           FROM notices n JOIN deliveries d ON d.notice = n.no WHERE n.no = ANY($1) GROUP BY d.notice, d.channel, d.status`,
    values: [rows.map(({ no }) => no)],
  });
  const ofNotice = Map.groupBy(counted, ({ notice }) => notice);
  return rows.map(({ no, ...notice }) => {
    const own = ofNotice.get(no) ?? [];
    const counts: FinishedNotice["counts"] = {};
    for (const { channel, status, count } of own) (counts[channel] ??= {})[status] = count;
    return { ...notice, tookMs: Math.max(0, ...own.map((row) => row.tookMs ?? 0)), counts };
  });
};
