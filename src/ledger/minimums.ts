import type { Change, ChangeStatus } from "../domain/change.ts";
import type { Policy } from "../domain/policy.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Sql } from "./connection.ts";
import { lookUp } from "./look-up.ts";
import { BEARS_DATE, BOUNCED, SINCE } from "./proof.ts";

/** A change under the policy that governs its latest revision. `status` is its present one; a release by the schedule makes no revision. */
export type AnnouncedChange = {
  change: string;
  revision: number;
  status: ChangeStatus;
  state: Change;
  policy: Policy;
  verdict: Verdict;
};

/** Those whose minimum wants somebody's attention now: announced too late, or its last days are near. */
export const changesToAttend = async (sql: Sql): Promise<AnnouncedChange[]> => {
  const { rows } = await sql.query<AnnouncedChange>({
    name: "changes-to-attend",
    text: `SELECT c.change, c.revision, c.status, c.state, p.policy, r.verdict
           FROM ${lookUp("changes", "attention_at <= now()")} AS c
           CROSS JOIN ${lookUp("revisions", "change = c.change AND revision = c.revision")} AS r
           CROSS JOIN ${lookUp("policies", "hash = r.policy")} AS p`,
  });
  return rows;
};

/** Its minimum wants attention at `next`, or no more, unless a newer revision says otherwise. */
export const putOffAttention = async (
  sql: Sql,
  { change, revision }: AnnouncedChange,
  next: string | null,
): Promise<void> => {
  await sql.query({
    name: "put-off-attention",
    text: "UPDATE changes SET attention_at = $3 WHERE change = $1 AND revision = $2",
    values: [change, revision, next],
  });
};

/** Partners whom the change concerns and who have not been told of its present date, as its proof has it, in order, at most `limit`. */
export const untoldPartners = async (sql: Sql, change: string, limit: number): Promise<string[]> => {
  const { rows } = await sql.query<{ partner: string }>(
    `WITH c AS MATERIALIZED (SELECT * FROM changes WHERE change = $1),
          its AS MATERIALIZED (
            SELECT n.no FROM c ${SINCE} CROSS JOIN ${lookUp("notices", "change = c.change")} AS n WHERE ${BEARS_DATE}
          )
     SELECT p.partner FROM partners p, c
     WHERE p.left_at IS NULL AND p.subscriptions && ARRAY['*', c.service]
       AND NOT EXISTS (
         SELECT FROM ${lookUp("endpoints", "partner = p.partner")} AS e CROSS JOIN its
         CROSS JOIN ${lookUp("deliveries", "notice = its.no AND endpoint = e.no")} AS d
         WHERE d.status = 'sent' AND NOT ${BOUNCED})
     ORDER BY p.partner LIMIT $2`,
    [change, limit],
  );
  return rows.map((row) => row.partner);
};
