import type { Health } from "../domain/endpoint-health.ts";
import type { Sql } from "./connection.ts";

export type HealthRow = Health & { no: number; partner: string; now: Date };

/**
 * Locks the active endpoints among these, in order, until the transaction ends; answers their records and the database's time.
 *
 * Takes the lock of whoever changes the table first: an import, which keeps those out while it merges, would otherwise come in
 * between and wait for a row, and `recordHealth` for the import.
 */
export const lockHealth = async (sql: Sql, endpoints: readonly number[]): Promise<HealthRow[]> => {
  const [, { rows }] = await Promise.all([
    sql.query("LOCK TABLE endpoints IN ROW EXCLUSIVE MODE"),
    sql.query<HealthRow>({
      name: "lock-health",
      text: `SELECT no, partner, failing_since AS "failingSince", exhausted, clock_timestamp() AS now FROM endpoints
             WHERE no = ANY($1) AND status = 'active' AND deleted_at IS NULL ORDER BY no FOR UPDATE`,
      values: [endpoints],
    }),
  ]);
  return rows;
};

export const recordHealth = async (
  sql: Sql,
  no: number,
  { failingSince, exhausted }: Health,
  status: "active" | "disabled",
): Promise<void> => {
  await sql.query({
    name: "record-health",
    text: "UPDATE endpoints SET failing_since = $2, exhausted = $3, status = $4 WHERE no = $1",
    values: [no, failingSince, exhausted, status],
  });
};

/**
 * When something was last sent to an endpoint since `since`; null: nothing was. One look by primary key per notice, so it
 * is for rare decisions only.
 */
export const lastSentSince = async (sql: Sql, endpoint: number, since: Date): Promise<Date | null> => {
  const { rows } = await sql.query<{ at: Date | null }>(
    `SELECT max(d.sent_at) AS at FROM notices n JOIN deliveries d ON d.notice = n.no AND d.endpoint = $1
     WHERE d.status = 'sent' AND d.sent_at >= $2`,
    [endpoint, since],
  );
  return rows[0]?.at ?? null;
};

/**
 * What waits for these endpoints becomes `skipped: endpoint-disabled`. Rows that another settlement holds are passed
 * over (waiting for them could be mutual); whoever sends them looks at the endpoint once more.
 */
export const skipWaitingOf = async (sql: Sql, endpoint: number): Promise<number> => {
  const { rowCount } = await sql.query(
    `UPDATE deliveries SET status = 'skipped', reason = 'endpoint-disabled', chunk = coalesce(chunk, 0)
     WHERE (notice, endpoint) IN (
       SELECT d.notice, d.endpoint FROM notices n JOIN deliveries d ON d.notice = n.no AND d.endpoint = $1
       WHERE n.status = 'sending' AND d.status = 'waiting' FOR UPDATE OF d SKIP LOCKED)`,
    [endpoint],
  );
  return rowCount ?? 0;
};

/**
 * Tells a partner's mail endpoints, once, that one of its endpoints was disabled: a notice and a delivery each, which the
 * sweeper puts into chunks, so that nothing of it depends on the queue. Answers the notice's id and how many are told.
 */
export const insertDisabledNotice = async (
  sql: Sql,
  { endpoint, reason }: { endpoint: number; reason: string },
): Promise<{ id: string; told: number }> => {
  const { rows } = await sql.query<{ id: string; told: number }>(
    `WITH notice AS (
       INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status, only_endpoint, reason, fan_out_started_at, fanned_out_at)
       SELECT 'endpoint-disabled.ep_' || $1::int8 || '.' || nextval('chunk_ids'), 'endpoint-disabled', 'routine', 'all',
              now(), now(), 'sending', $1, $2, now(), now()
       RETURNING no, id
     ),
     told AS (
       INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
       SELECT notice.no, mail.no, 'routine', 'email', now()
       FROM notice, endpoints mail
       WHERE mail.partner = (SELECT partner FROM endpoints WHERE no = $1) AND mail.channel = 'email'
         AND mail.status = 'active' AND mail.deleted_at IS NULL
       RETURNING endpoint
     )
     SELECT id, (SELECT count(*) FROM told) AS told FROM notice`,
    [endpoint, reason],
  );
  return rows[0] ?? { id: "", told: 0 };
};
