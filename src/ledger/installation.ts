import type { Sql } from "./connection.ts";
import { lookUp } from "./look-up.ts";

/** Since when all sending is paused; null when it is not. */
export const installationPausedAt = async (sql: Sql): Promise<Date | null> => {
  const { rows } = await sql.query<{ pausedAt: Date | null }>(`SELECT paused_at AS "pausedAt" FROM installation`);
  return rows[0]?.pausedAt ?? null;
};

/** Pauses all sending; pausing again keeps the first time. */
export const pauseInstallation = async (sql: Sql): Promise<Date | null> => {
  const { rows } = await sql.query<{ pausedAt: Date | null }>(
    `UPDATE installation SET paused_at = coalesce(paused_at, now()) RETURNING paused_at AS "pausedAt"`,
  );
  return rows[0]?.pausedAt ?? null;
};

export const resumeInstallation = async (sql: Sql): Promise<void> => {
  await sql.query("UPDATE installation SET paused_at = NULL");
};

/** Pauses one change; undefined when there is no such change. */
export const pauseChange = async (sql: Sql, change: string): Promise<Date | undefined> => {
  const { rows } = await sql.query<{ pausedAt: Date }>(
    `UPDATE changes SET paused_at = coalesce(paused_at, now()) WHERE change = $1 RETURNING paused_at AS "pausedAt"`,
    [change],
  );
  return rows[0]?.pausedAt;
};

/** False when there is no such change. */
export const resumeChange = async (sql: Sql, change: string): Promise<boolean> => {
  const { rowCount } = await sql.query("UPDATE changes SET paused_at = NULL WHERE change = $1", [change]);
  return rowCount === 1;
};

/** All sending, held since `pausedAt` (null: it is not), and the changes that are held by themselves: a thousand at most, by id. */
export type Pauses = { pausedAt: Date | null; changes: { change: string; pausedAt: Date }[] };

const LISTED = 1_000;

export const findPauses = async (sql: Sql): Promise<Pauses> => {
  const { rows } = await sql.query<Pauses["changes"][number]>(
    `SELECT change, paused_at AS "pausedAt" FROM changes WHERE paused_at IS NOT NULL ORDER BY change LIMIT ${LISTED}`,
  );
  return { pausedAt: await installationPausedAt(sql), changes: rows };
};

export type Backlog = {
  waiting: { channel: string; lane: string; count: number }[];
  planned: { lane: string; count: number }[];
  /** Deliveries that wait although they were due more than a minute ago, and that no pause holds. */
  overdue: { lane: string; count: number }[];
};

/** Every delivery that waits: it belongs to no chunk, or to one that is not done. */
const WAITING = `(
  SELECT notice, lane, channel, due_at FROM deliveries WHERE chunk IS NULL
  UNION ALL
  SELECT d.notice, d.lane, d.channel, d.due_at FROM chunks
  CROSS JOIN ${lookUp("deliveries", "chunk = chunks.id")} AS d
  WHERE chunks.state <> 'done' AND d.status = 'waiting'
) AS waiting`;

/** That a delivery of `notice` waits behind a pause, of everything or of its change. */
const PAUSED = `(EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL)
  OR notice = ANY (ARRAY(SELECT n.no FROM changes c JOIN notices n ON n.change = c.change WHERE c.paused_at IS NOT NULL)))`;

/** Nobody needs to know more exactly how much waits, and asking must stay cheap however long the pause lasts. */
export const MOST_HELD = 10_000;

/** How many deliveries would go out now if nothing were paused, to `MOST_HELD`. */
export const countHeld = async (sql: Sql): Promise<number> => {
  const { rows } = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM (SELECT FROM ${WAITING} WHERE due_at <= now() AND ${PAUSED} LIMIT ${MOST_HELD}) AS held`,
  );
  return rows[0]?.count ?? 0;
};

/** What waits to be sent, for the metrics. */
export const countBacklog = async (sql: Sql): Promise<Backlog> => {
  const waiting = await sql.query<{ channel: string; lane: string; count: number }>(
    `SELECT channel, lane, count(*) AS count FROM ${WAITING} GROUP BY channel, lane`,
  );
  const planned = await sql.query<{ lane: string; count: number }>(
    "SELECT lane, count(*) AS count FROM notices WHERE status = 'planned' GROUP BY lane",
  );
  const overdue = await sql.query<{ lane: string; count: number }>(
    `SELECT lane, count(*) AS count FROM ${WAITING}
     WHERE due_at < now() - interval '1 minute' AND NOT ${PAUSED} GROUP BY lane`,
  );
  return { waiting: waiting.rows, planned: planned.rows, overdue: overdue.rows };
};
