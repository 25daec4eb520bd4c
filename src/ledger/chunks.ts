import type { Channel, Lane } from "../domain/category.ts";
import type { Sql } from "./connection.ts";
import { CHUNK_SIZE, type NewChunk } from "./fan-out.ts";

/**
 * Takes the lease of a chunk: whoever gets the row sends it, everyone else ends. BullMQ's own re-run, the sweeper and a
 * re-add after a flush may all bring the same chunk; this statement is what makes them one. Answers the run's number.
 */
export const takeLease = async (sql: Sql, chunk: number, leaseMs: number): Promise<number | null> => {
  const { rows } = await sql.query<{ run: number }>({
    name: "take-lease",
    text: `UPDATE chunks SET run = run + 1, state = 'running', leased_until = now() + $2 * interval '1 millisecond'
           WHERE id = $1 AND state <> 'done' AND (leased_until IS NULL OR leased_until < now()) RETURNING run`,
    values: [chunk, leaseMs],
  });
  return rows[0]?.run ?? null;
};

/** Ends a run: what it did not settle goes back for the sweeper, due in `pauseMs`. Does nothing when the lease was lost. */
export const endRun = async (
  sql: Sql,
  { chunk, run, pauseMs }: { chunk: number; run: number; pauseMs: number },
): Promise<void> => {
  await sql.query({
    name: "end-run",
    text: `WITH ended AS (
             UPDATE chunks SET state = 'done', leased_until = NULL WHERE id = $1 AND run = $2 AND state = 'running' RETURNING id
           )
           UPDATE deliveries SET chunk = NULL, due_at = greatest(due_at, now() + $3 * interval '1 millisecond')
           WHERE chunk = (SELECT id FROM ended) AND status = 'waiting'`,
    values: [chunk, run, pauseMs],
  });
};

/**
 * Puts deliveries that are due and belong to no chunk (retries, partners' own hours, what was given back) into new
 * chunks: up to `limit` of a lane, oldest first. Takes no lock that another sweeper waits for (`SKIP LOCKED`).
 */
export const sweepDue = async (sql: Sql, lane: Lane, limit: number): Promise<NewChunk[]> => {
  const { rows } = await sql.query<NewChunk>({
    name: "sweep-due",
    text: `
      WITH due AS MATERIALIZED (
        SELECT d.notice, d.endpoint, d.channel
        FROM deliveries d
        JOIN notices n ON n.no = d.notice
        LEFT JOIN changes c ON c.change = n.change
        WHERE d.lane = $1 AND d.status = 'waiting' AND d.chunk IS NULL AND d.due_at <= now()
          AND c.paused_at IS NULL AND NOT EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL)
        ORDER BY d.due_at LIMIT $2
        FOR UPDATE OF d SKIP LOCKED
      ),
      first AS MATERIALIZED (SELECT nextval('chunk_ids') AS id WHERE EXISTS (SELECT FROM due)),
      placed AS (
        SELECT notice, endpoint, channel,
               (row_number() OVER (PARTITION BY channel ORDER BY notice, endpoint) - 1) / ${CHUNK_SIZE} AS place
        FROM due
      ),
      numbered AS (
        SELECT notice, endpoint, channel, (SELECT id FROM first) + dense_rank() OVER (ORDER BY channel, place) - 1 AS chunk
        FROM placed
      ),
      moved AS (
        UPDATE deliveries d SET chunk = numbered.chunk
        FROM numbered WHERE d.notice = numbered.notice AND d.endpoint = numbered.endpoint
        RETURNING d.chunk, d.channel
      )
      INSERT INTO chunks (id, lane, channel) SELECT DISTINCT chunk, $1, channel FROM moved RETURNING id, lane, channel`,
    values: [lane, limit],
  });
  return rows;
};

export type LostChunk = NewChunk & { run: number };

/** Running chunks whose lease ran out: their sender died or hangs. */
export const lostChunks = async (sql: Sql, limit: number): Promise<LostChunk[]> => {
  const { rows } = await sql.query<LostChunk>({
    name: "lost-chunks",
    text: "SELECT id, lane, channel, run FROM chunks WHERE state = 'running' AND leased_until < now() ORDER BY leased_until LIMIT $1",
    values: [limit],
  });
  return rows;
};

/** Chunks that nobody has begun although they were queued more than `olderThanMs` ago, by id, in pages. */
export const queuedChunks = async (
  sql: Sql,
  page: { after: number; olderThanMs: number; limit: number },
): Promise<LostChunk[]> => {
  const { rows } = await sql.query<LostChunk>({
    name: "queued-chunks",
    text: `SELECT id, lane, channel, run FROM chunks
           WHERE state <> 'done' AND state = 'queued' AND id > $1 AND created_at <= now() - $2 * interval '1 millisecond'
           ORDER BY id LIMIT $3`,
    values: [page.after, page.olderThanMs, page.limit],
  });
  return rows;
};

/** One chunk of its own for one delivery that is to go at once. */
export const insertChunk = async (sql: Sql, lane: Lane, channel: Channel): Promise<number> => {
  const { rows } = await sql.query<{ id: number }>(
    "INSERT INTO chunks (id, lane, channel) VALUES (nextval('chunk_ids'), $1, $2) RETURNING id",
    [lane, channel],
  );
  return rows[0]?.id ?? 0;
};
