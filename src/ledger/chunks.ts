import type { Lane } from "../domain/category.ts";
import type { Sql } from "./connection.ts";
import { CHUNK_SIZE, type NewChunk } from "./fan-out.ts";

/**
 * The transaction commits without waiting for the log to be on disk. Only for what may be forgotten if PostgreSQL itself is killed
 * in the fraction of a second before the next commit of anybody, which takes it along: see ADR 14.
 */
const COMMITS_SOON = "(SELECT set_config('synchronous_commit', 'off', true)) = 'off'";

/**
 * Takes the lease of a chunk: whoever gets the row sends it, everyone else ends. BullMQ's own re-run, the sweeper and a
 * re-add after a flush may all bring the same chunk; this statement is what makes them one. Answers the run's number.
 */
export const takeLease = async (sql: Sql, chunk: number, leaseMs: number): Promise<number | null> => {
  const { rows } = await sql.query<{ run: number }>({
    name: "take-lease",
    text: `UPDATE chunks SET run = run + 1, state = 'running', leased_until = now() + $2 * interval '1 millisecond'
           WHERE id = $1 AND state IN ('queued', 'running') AND (leased_until IS NULL OR leased_until < now()) AND ${COMMITS_SOON}
           RETURNING run`,
    values: [chunk, leaseMs],
  });
  return rows[0]?.run ?? null;
};

/** Ends every lease: for a program that has the ledger to itself, and so knows that whoever held one is no more. */
export const endLeases = async (sql: Sql): Promise<number> => {
  const { rowCount } = await sql.query(
    "UPDATE chunks SET leased_until = now() WHERE state = 'running' AND leased_until > now()",
  );
  return rowCount ?? 0;
};

/** Ends a run: what it did not settle goes back for the sweeper, due in `pauseMs`. Does nothing when the lease was lost. */
export const endRun = async (
  sql: Sql,
  { chunk, run, pauseMs }: { chunk: number; run: number; pauseMs: number },
): Promise<void> => {
  await sql.query({
    name: "end-run",
    text: `WITH ended AS (
             UPDATE chunks SET state = 'done', leased_until = NULL WHERE id = $1 AND run = $2 AND state = 'running'
               AND ${COMMITS_SOON} RETURNING id
           ),
           its_notices AS (DELETE FROM chunk_notices WHERE chunk = (SELECT id FROM ended))
           UPDATE deliveries SET chunk = NULL, due_at = greatest(due_at, now() + $3 * interval '1 millisecond')
           WHERE chunk = (SELECT id FROM ended) AND status = 'waiting'`,
    values: [chunk, run, pauseMs],
  });
};

/** What one sweep took up: chunks to queue, and how many deliveries it put aside because their change is paused. */
export type Swept = { chunks: NewChunk[]; held: number };

/** Ids come in blocks of a thousand (`chunk_ids`); what needs more waits for the next sweep. */
const BLOCK = 1_000;

/**
 * Puts deliveries that are due and belong to no chunk (retries, partners' own hours, what was given back) into new
 * chunks: up to `limit` of a lane, oldest first. Takes no lock that another sweeper waits for (`SKIP LOCKED`).
 *
 * Those of a paused change go into `held` chunks of its own, so that they are read once and not each second; and so do
 * those that come after them, until the last of these chunks is released: they keep their order. While everything is
 * paused nothing is read.
 */
export const sweepDue = async (sql: Sql, lane: Lane, limit: number): Promise<Swept> => {
  const { rows } = await sql.query<NewChunk & { isHeld: boolean; deliveries: number }>({
    name: "sweep-due",
    text: `
      WITH due AS MATERIALIZED (
        SELECT d.notice, d.endpoint, d.channel,
               CASE WHEN c.paused_at IS NOT NULL
                      OR EXISTS (SELECT FROM chunks k WHERE k.state = 'held' AND k.lane = $1 AND k.held_for = n.change)
                    THEN n.change END AS held_for
        FROM deliveries d
        JOIN notices n ON n.no = d.notice
        LEFT JOIN changes c ON c.change = n.change
        WHERE d.lane = $1 AND d.status = 'waiting' AND d.chunk IS NULL AND d.due_at <= now()
          AND NOT EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL)
        ORDER BY d.due_at LIMIT $2
        FOR UPDATE OF d SKIP LOCKED
      ),
      first AS MATERIALIZED (SELECT nextval('chunk_ids') AS id WHERE EXISTS (SELECT FROM due)),
      placed AS (
        SELECT notice, endpoint, channel, held_for,
               (row_number() OVER (PARTITION BY channel, held_for ORDER BY notice, endpoint) - 1) / ${CHUNK_SIZE} AS place
        FROM due
      ),
      ranked AS (
        SELECT notice, endpoint, held_for, dense_rank() OVER (ORDER BY held_for NULLS FIRST, channel, place) AS rank FROM placed
      ),
      numbered AS (
        SELECT notice, endpoint, held_for, (SELECT id FROM first) + rank - 1 AS chunk FROM ranked WHERE rank <= ${BLOCK}
      ),
      moved AS (
        UPDATE deliveries d SET chunk = numbered.chunk
        FROM numbered WHERE d.notice = numbered.notice AND d.endpoint = numbered.endpoint
        RETURNING d.chunk, d.notice, d.channel, numbered.held_for
      ),
      its_chunks AS (INSERT INTO chunk_notices (chunk, notice) SELECT DISTINCT chunk, notice FROM moved),
      made AS (
        INSERT INTO chunks (id, lane, channel, state, held_for)
        SELECT DISTINCT chunk, $1, channel, CASE WHEN held_for IS NULL THEN 'queued' ELSE 'held' END, held_for FROM moved
      )
      SELECT chunk AS id, $1 AS lane, channel, held_for IS NOT NULL AS "isHeld", count(*) AS deliveries
      FROM moved GROUP BY chunk, channel, held_for ORDER BY chunk`,
    values: [lane, limit],
  });
  return {
    chunks: rows.flatMap(({ id, channel, isHeld }) => (isHeld ? [] : [{ id, lane, channel }])),
    held: rows.reduce((sum, row) => sum + (row.isHeld ? row.deliveries : 0), 0),
  };
};

/**
 * Takes `held` chunks of changes that go on out of their hold, up to `limit` of a lane, oldest first. Steps from held
 * change to held change by index, so that what stays held costs nothing; locks nothing that others wait for.
 */
export const releaseHeld = async (sql: Sql, lane: Lane, limit: number): Promise<LostChunk[]> => {
  const { rows } = await sql.query<LostChunk>({
    name: "release-held",
    text: `
      WITH RECURSIVE held AS (
        (SELECT held_for FROM chunks WHERE state = 'held' AND lane = $1 ORDER BY held_for LIMIT 1)
        UNION ALL
        SELECT (SELECT k.held_for FROM chunks k WHERE k.state = 'held' AND k.lane = $1 AND k.held_for > held.held_for
                ORDER BY k.held_for LIMIT 1)
        FROM held WHERE held.held_for IS NOT NULL
      ),
      oldest AS MATERIALIZED (
        SELECT k.id FROM held
        JOIN changes c ON c.change = held.held_for AND c.paused_at IS NULL
        CROSS JOIN LATERAL (
          SELECT id FROM chunks WHERE state = 'held' AND lane = $1 AND held_for = held.held_for
          ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
        ) AS k
        WHERE NOT EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL)
        ORDER BY k.id LIMIT $2
      ),
      released AS (
        UPDATE chunks SET state = 'queued', created_at = now() WHERE id IN (SELECT id FROM oldest)
        RETURNING id, lane, channel, run
      )
      SELECT id, lane, channel, run FROM released ORDER BY id`,
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
