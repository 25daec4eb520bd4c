import type { Channel } from "../domain/category.ts";
import { type DeliveryStatus, endpointId } from "../domain/delivery.ts";
import type { Sql } from "./connection.ts";
import type { NewChunk } from "./fan-out.ts";

type NewTest = { notice: { no: number; id: string }; chunk: NewChunk };

/** A notice, a delivery and a chunk for one endpoint, on the urgent lane; null when there is no such endpoint. */
export const insertTestNotice = async (sql: Sql, endpoint: number): Promise<NewTest | null> => {
  const found = await sql.query<{ channel: Channel }>(
    "SELECT channel FROM endpoints WHERE no = $1 AND deleted_at IS NULL",
    [endpoint],
  );
  const channel = found.rows[0]?.channel;
  if (!channel) return null;
  const { rows } = await sql.query<{ no: number; id: string; chunk: number }>(
    `WITH chunk AS (INSERT INTO chunks (id, lane, channel) VALUES (nextval('chunk_ids'), 'urgent', $2) RETURNING id),
     notice AS (
       INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status, only_endpoint, fan_out_started_at, fanned_out_at)
       SELECT 'test.' || $3 || '.' || chunk.id, 'test', 'urgent', 'all', now(), now(), 'sending', $1, now(), now() FROM chunk
       RETURNING no, id
     ),
     its_chunk AS (INSERT INTO chunk_notices (chunk, notice) SELECT chunk.id, notice.no FROM chunk, notice),
     delivery AS (
       INSERT INTO deliveries (notice, endpoint, lane, channel, chunk, due_at)
       SELECT notice.no, $1, 'urgent', $2, chunk.id, now() FROM notice, chunk
     )
     SELECT notice.no, notice.id, chunk.id AS chunk FROM notice, chunk`,
    [endpoint, channel, endpointId(endpoint)],
  );
  const row = rows[0];
  return row ? { notice: { no: row.no, id: row.id }, chunk: { id: row.chunk, lane: "urgent", channel } } : null;
};

export type TestOutcome = {
  status: DeliveryStatus;
  reason?: string;
  attempts: { at: string; ms: number; code: number | null; error?: string; answer?: string }[];
};

/** What became of a test's delivery so far. */
export const findTestOutcome = async (sql: Sql, notice: number, endpoint: number): Promise<TestOutcome | null> => {
  const { rows } = await sql.query<{
    status: DeliveryStatus;
    reason: string | null;
    at: Date | null;
    ms: number | null;
    code: number | null;
    error: string | null;
    answer: string | null;
  }>(
    `SELECT status, reason, first_at AS at, first_ms AS ms, first_code AS code, first_error AS error, first_answer AS answer
     FROM deliveries WHERE notice = $1 AND endpoint = $2`,
    [notice, endpoint],
  );
  const row = rows[0];
  if (!row) return null;
  const { status, reason, at, ms, code, error, answer } = row;
  return {
    status,
    ...(reason === null ? {} : { reason }),
    attempts:
      at === null
        ? []
        : [
            {
              at: at.toISOString(),
              ms: ms ?? 0,
              code,
              ...(error === null ? {} : { error }),
              ...(answer === null ? {} : { answer }),
            },
          ],
  };
};
