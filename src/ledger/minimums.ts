import type { Change } from "../domain/change.ts";
import type { Policy } from "../domain/policy.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Sql } from "./connection.ts";
import { lookUp } from "./look-up.ts";

/** A change that is announced, under the policy that governs its latest revision. */
export type AnnouncedChange = { change: string; revision: number; state: Change; policy: Policy; verdict: Verdict };

/**
 * Those with a date ahead whose minimum may need somebody's attention: announced too late, or its last days are near. The
 * others stay in PostgreSQL, for the scheduler would read each with its policy and count its days, every minute.
 */
export const changesNearMinimum = async (sql: Sql): Promise<AnnouncedChange[]> => {
  const { rows } = await sql.query<AnnouncedChange>({
    name: "changes-near-minimum",
    text: `SELECT c.change, c.revision, c.state, p.policy, r.verdict
           FROM changes c
           JOIN revisions r ON r.change = c.change AND r.revision = c.revision
           JOIN policies p ON p.hash = r.policy
           WHERE c.status = 'announced' AND c.release_at > now()
             AND (r.verdict->>'status' = 'short'
               OR c.release_at - (r.verdict->>'minimum')::interval BETWEEN now() - interval '1 week' AND now() + interval '1 week')`,
  });
  return rows;
};

/** Partners whom the change concerns and who have not been told of its present date, in order, at most `limit`. */
export const untoldPartners = async (sql: Sql, change: string, limit: number): Promise<string[]> => {
  const { rows } = await sql.query<{ partner: string }>(
    `WITH c AS MATERIALIZED (SELECT * FROM changes WHERE change = $1),
          its AS MATERIALIZED (
            SELECT n.no FROM c CROSS JOIN ${lookUp("notices", "change = c.change")} AS n WHERE n.release_at = c.release_at
          )
     SELECT p.partner FROM partners p, c
     WHERE p.left_at IS NULL AND p.subscriptions && ARRAY['*', c.service]
       AND NOT EXISTS (
         SELECT FROM ${lookUp("endpoints", "partner = p.partner")} AS e CROSS JOIN its
         CROSS JOIN ${lookUp("deliveries", "notice = its.no AND endpoint = e.no")} AS d WHERE d.status = 'sent')
     ORDER BY p.partner LIMIT $2`,
    [change, limit],
  );
  return rows.map((row) => row.partner);
};
