import type { AcknowledgementStatus } from "./acknowledgements.ts";
import type { Sql } from "./connection.ts";

/** What a partner said last of each change, where it was of the present revision. */
export const latestAnswers = async (sql: Sql, partner: string): Promise<Map<string, AcknowledgementStatus>> => {
  const { rows } = await sql.query<{ change: string; status: AcknowledgementStatus }>(
    `SELECT c.change, a.status FROM changes c
     CROSS JOIN LATERAL (SELECT status, revision FROM acknowledgements
       WHERE change = c.change AND partner = $1 ORDER BY no DESC LIMIT 1) a
     WHERE c.status IN ('announced', 'recorded') AND a.revision = c.revision`,
    [partner],
  );
  return new Map(rows.map(({ change, status }) => [change, status]));
};
