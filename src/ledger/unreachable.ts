import type { Sql } from "./connection.ts";

/** Partners of a change whom no endpoint reaches: how many, and the first of them by id. */
export type Unreachable = { count: number; partners: string[] };

/** Whoever wants them all asks the proof. */
const NAMED = 100;

/**
 * Partners who have not left and have no primary endpoint that takes notices, as the proof counts them.
 *
 * Looks at none of those who can be reached, who are nearly all: candidates come from partial indexes (endpoints that take
 * nothing or are second contacts, partners who never had one), and each is looked up by key. The LIMITs take the choice
 * from the planner, which on a freshly filled table would go through every pair of partner and endpoint.
 */
const UNREACHABLE = `
  candidates AS MATERIALIZED (
    SELECT partner FROM endpoints WHERE status <> 'active' OR role <> 'primary' OR deleted_at IS NOT NULL
    UNION
    SELECT partner FROM partners WHERE NOT had_endpoints AND left_at IS NULL
  ),
  unreachable AS MATERIALIZED (
    SELECT p.partner, p.subscriptions
    FROM candidates c
    CROSS JOIN LATERAL (SELECT * FROM partners WHERE partner = c.partner LIMIT 1) AS p
    WHERE p.left_at IS NULL AND (
      SELECT e.no FROM endpoints e
      WHERE e.partner = p.partner AND e.status = 'active' AND e.role = 'primary' AND e.deleted_at IS NULL LIMIT 1) IS NULL
  )`;

/** Of the partners whom a change concerns: who is subscribed to its service, and who was to be told of it. */
export const unreachableOf = async (sql: Sql, change: string): Promise<Unreachable> => {
  const { rows } = await sql.query<Unreachable>({
    name: "unreachable-of",
    text: `
      WITH ${UNREACHABLE},
      concerned AS MATERIALIZED (
        SELECT u.partner FROM unreachable u CROSS JOIN changes c
        WHERE c.change = $1 AND (u.subscriptions && ARRAY['*', c.service] OR (
          SELECT count(*) > 0 FROM endpoints e CROSS JOIN notices n
          CROSS JOIN LATERAL (SELECT FROM deliveries WHERE notice = n.no AND endpoint = e.no LIMIT 1) AS d
          WHERE e.partner = u.partner AND n.change = c.change))
      )
      SELECT count(*)::int AS count, ARRAY(SELECT partner FROM concerned ORDER BY partner LIMIT ${NAMED}) AS partners
      FROM concerned`,
    values: [change],
  });
  return rows[0] ?? { count: 0, partners: [] };
};

/** How many of the partners who are subscribed to what an announced change is about no endpoint reaches. */
export const countUnreachable = async (sql: Sql): Promise<number> => {
  const { rows } = await sql.query<{ count: number }>({
    name: "count-unreachable",
    text: `
      WITH ${UNREACHABLE},
      open AS MATERIALIZED (
        SELECT array_agg(DISTINCT topic) AS topics FROM changes CROSS JOIN unnest(ARRAY['*', service]) AS topic
        WHERE status = 'announced'
      )
      SELECT count(*)::int AS count FROM unreachable u CROSS JOIN open WHERE u.subscriptions && open.topics`,
  });
  return rows[0]?.count ?? 0;
};
