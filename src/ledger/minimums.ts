import type { Change } from "../domain/change.ts";
import type { Policy } from "../domain/policy.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Sql } from "./connection.ts";
import { lookUp } from "./look-up.ts";

/** A change that is announced, under the policy that governs its latest revision. */
export type AnnouncedChange = { change: string; revision: number; state: Change; policy: Policy; verdict: Verdict };

/** Those with a date ahead whose minimum wants somebody's attention now: announced too late, or its last days are near. */
export const changesToAttend = async (sql: Sql): Promise<AnnouncedChange[]> => {
  const { rows } = await sql.query<AnnouncedChange>({
    name: "changes-to-attend",
    text: `SELECT c.change, c.revision, c.state, p.policy, r.verdict
           FROM ${lookUp("changes", "status = 'announced' AND attention_at <= now()")} AS c
           CROSS JOIN ${lookUp("revisions", "change = c.change AND revision = c.revision")} AS r
           CROSS JOIN ${lookUp("policies", "hash = r.policy")} AS p
           WHERE c.release_at > now()`,
  });
  return rows;
};

/** Its minimum wants nobody's attention any more, unless a newer revision says so. */
export const endAttention = async (sql: Sql, { change, revision }: AnnouncedChange): Promise<void> => {
  await sql.query({
    name: "end-attention",
    text: "UPDATE changes SET attention_at = NULL WHERE change = $1 AND revision = $2",
    values: [change, revision],
  });
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
