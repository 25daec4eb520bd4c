import type { Channel, Lane } from "../domain/category.ts";
import { type DeliveryStatus, endpointNo } from "../domain/delivery.ts";
import type { LastLook } from "../domain/settlement.ts";
import type { Sql } from "./connection.ts";
import { CHUNK_SIZE, type NewChunk } from "./fan-out.ts";

export type ReplayTarget = {
  notice: number;
  endpoint: number;
  status: DeliveryStatus;
  endpointStatus: LastLook["endpointStatus"];
  endpointGone: boolean;
  partnerLeft: boolean;
  unfollowed: boolean;
};

/** Locks a delivery by its public id, and its notice, until the transaction ends; null when there is none. */
export const lockDelivery = async (sql: Sql, id: string): Promise<ReplayTarget | null> => {
  const cut = id.lastIndexOf(".");
  const endpoint = endpointNo(id.slice(cut + 1));
  if (cut < 1 || endpoint === null) return null;
  const { rows } = await sql.query<ReplayTarget>(
    `SELECT d.notice, d.endpoint, d.status, e.status AS "endpointStatus", e.deleted_at IS NOT NULL AS "endpointGone",
            p.left_at IS NOT NULL AS "partnerLeft",
            c.change IS NOT NULL AND NOT p.subscriptions && ARRAY['*', c.service] AS unfollowed
     FROM notices n JOIN deliveries d ON d.notice = n.no
     JOIN endpoints e ON e.no = d.endpoint JOIN partners p ON p.partner = e.partner
     LEFT JOIN changes c ON c.change = n.change
     WHERE n.id = $1 AND d.endpoint = $2 FOR UPDATE OF n, d`,
    [id.slice(0, cut), endpoint],
  );
  return rows[0] ?? null;
};

/** Lets these notices wait for deliveries again; notices that ended otherwise stay ended. */
const reopen = async (sql: Sql, notices: readonly number[]): Promise<void> => {
  await sql.query("UPDATE notices SET status = 'sending', done_at = NULL WHERE no = ANY($1) AND status = 'done'", [
    notices,
  ]);
};

/** Makes a delivery wait, due now; one that a chunk has already is left to it. The notice's row is the caller's. */
export const putBack = async (sql: Sql, { notice, endpoint }: { notice: number; endpoint: number }): Promise<void> => {
  await sql.query(
    `UPDATE deliveries SET status = 'waiting', reason = NULL, chunk = NULL, due_at = now()
     WHERE notice = $1 AND endpoint = $2 AND (status IN ('failed', 'suppressed', 'skipped') OR (status = 'waiting' AND chunk IS NULL))`,
    [notice, endpoint],
  );
  await reopen(sql, [notice]);
};

/** Has a sent delivery sent once more; asking twice before it went out asks once. */
export const repeatSent = async (
  sql: Sql,
  { notice, endpoint }: { notice: number; endpoint: number },
): Promise<void> => {
  await sql.query(
    `INSERT INTO replays (notice, endpoint, lane, channel)
     SELECT notice, endpoint, lane, channel FROM deliveries WHERE notice = $1 AND endpoint = $2 AND status = 'sent'
     ON CONFLICT DO NOTHING`,
    [notice, endpoint],
  );
};

/** Puts repetitions that are due, and those that an ended run gave back, into new chunks; locks nothing that others wait for. */
export const sweepReplays = async (sql: Sql, lane: Lane, limit: number): Promise<NewChunk[]> => {
  const { rows } = await sql.query<NewChunk>({
    name: "sweep-replays",
    text: `
      WITH due AS MATERIALIZED (
        SELECT r.notice, r.endpoint, r.channel FROM replays r
        WHERE r.lane = $1 AND r.due_at <= now() AND NOT EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL)
          AND (r.chunk IS NULL OR (SELECT state FROM chunks WHERE id = r.chunk) = 'done')
          AND (SELECT c.paused_at FROM notices n JOIN changes c ON c.change = n.change WHERE n.no = r.notice) IS NULL
        ORDER BY r.due_at LIMIT $2 FOR UPDATE OF r SKIP LOCKED
      ),
      first AS MATERIALIZED (SELECT nextval('chunk_ids') AS id WHERE EXISTS (SELECT FROM due)),
      placed AS (
        SELECT notice, endpoint, channel,
               (row_number() OVER (PARTITION BY channel ORDER BY notice, endpoint) - 1) / ${CHUNK_SIZE} AS place FROM due
      ),
      moved AS (
        UPDATE replays r SET chunk = it.chunk FROM (
          SELECT notice, endpoint, (SELECT id FROM first) + dense_rank() OVER (ORDER BY channel, place) - 1 AS chunk FROM placed
        ) AS it
        WHERE r.notice = it.notice AND r.endpoint = it.endpoint RETURNING r.chunk, r.channel
      )
      INSERT INTO chunks (id, lane, channel) SELECT DISTINCT chunk, $1, channel FROM moved RETURNING id, lane, channel`,
    values: [lane, limit],
  });
  return rows;
};

/** What a repetition came to. */
export type RepeatedAttempt = {
  notice: number;
  endpoint: number;
  /** An attempt was made: it is recorded, and the repetition is over. */
  counted: boolean;
  /** Until it may be tried again when no attempt was made; null: it is not to be sent any more. */
  delayMs: number | null;
  ageMs: number;
  ms: number;
  code: number | null;
  error: string | null;
  answer: string | null;
};

/** Records a repetition as one more attempt. The delivery itself stays `sent`, with its first attempt and its time. */
export const settleReplay = async (sql: Sql, it: RepeatedAttempt): Promise<void> => {
  const key = [it.notice, it.endpoint];
  if (!it.counted && it.delayMs !== null) {
    await sql.query(
      "UPDATE replays SET chunk = NULL, due_at = now() + $3 * interval '1 millisecond' WHERE notice = $1 AND endpoint = $2",
      [...key, it.delayMs],
    );
    return;
  }
  await sql.query("DELETE FROM replays WHERE notice = $1 AND endpoint = $2", key);
  if (!it.counted) return;
  await sql.query(
    `WITH counted AS (UPDATE deliveries SET attempts = attempts + 1 WHERE notice = $1 AND endpoint = $2 RETURNING attempts)
     INSERT INTO attempts (notice, endpoint, attempt, at, ms, code, error, answer)
     SELECT $1, $2, attempts, now() - $3 * interval '1 millisecond', $4, $5, $6, $7 FROM counted`,
    [...key, it.ageMs, it.ms, it.code, it.error, it.answer],
  );
};

export type MissedNotice = { no: number; notice: string; change: string; kind: string; dueAt: Date };

/**
 * What an endpoint missed, as far as it still matters: of each open change the newest notice that is due and meant for it,
 * when that was due at `since` or later, and in the endpoint's lifetime, and did not reach it. Older notices are dead, whether they arrived or not, and
 * so is a reminder once the release has passed. Of a cancelled change that is the cancellation, which is never muted.
 */
export const missedNotices = async (sql: Sql, endpoint: number, since: Date): Promise<MissedNotice[]> => {
  const { rows } = await sql.query<MissedNotice>(
    `SELECT no, id AS notice, change, kind, due_at AS "dueAt" FROM (
       SELECT DISTINCT ON (n.change) n.no, n.id, n.change, n.kind, n.due_at, n.release_at, d.status, d.reason
       FROM endpoints e
       JOIN partners p ON p.partner = e.partner
       CROSS JOIN changes c
       JOIN notices n ON n.change = c.change AND n.status IN ('sending', 'done') AND n.due_at <= now()
       LEFT JOIN deliveries d ON d.notice = n.no AND d.endpoint = e.no
       WHERE e.no = $1 AND p.left_at IS NULL AND e.deleted_at IS NULL AND p.subscriptions && ARRAY['*', c.service]
         AND (c.status = 'announced' OR (c.status = 'cancelled' AND n.kind = 'cancelled'))
         AND (d.endpoint IS NOT NULL OR (n.due_at >= e.created_at AND e.role = 'primary'
           AND (n.audience = 'all' OR (n.audience = 'told') = EXISTS (
             SELECT FROM notices earlier JOIN deliveries before ON before.notice = earlier.no AND before.endpoint = e.no
             WHERE earlier.change = n.change AND earlier.revision < n.revision
               AND (before.status = 'sent' OR before.attempts > 0)))))
       ORDER BY n.change, n.due_at DESC, n.no DESC
     ) AS newest
     WHERE due_at >= $2 AND NOT (kind = 'reminder' AND release_at <= now())
       AND (status IS NULL OR status IN ('failed', 'suppressed') OR (status = 'skipped' AND reason = 'endpoint-disabled'))
     ORDER BY no`,
    [endpoint, since],
  );
  return rows;
};

/** Makes these notices' deliveries to an endpoint wait, due now, whether they exist yet or not; answers the notices. */
export const resendTo = async (
  sql: Sql,
  { endpoint, channel }: { endpoint: number; channel: Channel },
  notices: readonly number[],
): Promise<number[]> => {
  // Locked as a fan-out does, so that none is superseded meanwhile.
  const locked = await sql.query<{ no: number }>(
    "SELECT no FROM notices WHERE no = ANY($1) AND status IN ('sending', 'done') ORDER BY no FOR UPDATE",
    [notices],
  );
  const { rows } = await sql.query<{ notice: number }>(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
     SELECT no, $2, lane, $3, now() FROM notices WHERE no = ANY($1)
     ON CONFLICT (notice, endpoint) DO UPDATE SET status = 'waiting', reason = NULL, chunk = NULL, due_at = now()
     WHERE deliveries.status IN ('failed', 'suppressed', 'skipped')
     RETURNING notice`,
    [locked.rows.map((row) => row.no), endpoint, channel],
  );
  await reopen(
    sql,
    rows.map((row) => row.notice),
  );
  return rows.map((row) => row.notice);
};
