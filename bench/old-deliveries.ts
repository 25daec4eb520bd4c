import { CHUNK_SIZE } from "../src/ledger/fan-out.ts";
import type { Stage } from "./stage.ts";

/** Deliveries that one statement brings. */
const AT_ONCE = 100_000;

/**
 * Adds what years of sending leave: `count` deliveries (a multiple of `endpoints`), all sent, of notices long done to each
 * of the `endpoints` endpoints that there are, in chunks that are done. A notice a minute, the last an hour ago. Their
 * chunks' ids lie below those that the ledger gives out.
 */
export const addOldDeliveries = async (
  { sql }: Pick<Stage, "sql">,
  { count, endpoints }: { count: number; endpoints: number },
): Promise<void> => {
  const notices = count / endpoints;
  const each = Math.max(1, Math.floor(AT_ONCE / endpoints));
  for (let from = 0; from < notices; from += each) {
    await sql.query(
      `WITH made AS (
         INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status, fan_out_started_at, fanned_out_at, done_at)
         SELECT 'old.' || gen_random_uuid(), 'test', 'routine', 'all', at, at, 'done', at, at, at
         FROM (SELECT now() - interval '1 hour' - ($1::int - $2::int - n) * interval '1 minute' AS at
               FROM generate_series(0, $3::int - 1) AS n) AS times
         RETURNING no, due_at AS at
       ),
       old AS MATERIALIZED (
         SELECT made.no, at, e.no AS endpoint, (made.no - 1000000000) * 1000 + e.batch AS chunk, e.batch
         FROM made CROSS JOIN (SELECT no, (row_number() OVER (ORDER BY no) - 1) / ${CHUNK_SIZE} AS batch FROM endpoints) AS e
       ),
       old_chunks AS (
         INSERT INTO chunks (id, lane, channel, state, run, created_at)
         SELECT DISTINCT chunk, 'routine', 'webhook', 'done', 1, at FROM old
       )
       INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at, attempts,
                               first_at, first_ms, first_code, first_answer)
       SELECT no, endpoint, 'routine', 'webhook', 'sent', chunk, at, at + batch * interval '100 milliseconds', 1,
              at, 5, 200, 'ok'
       FROM old ORDER BY no, endpoint`,
      [notices, from, Math.min(each, notices - from)],
    );
  }
};
