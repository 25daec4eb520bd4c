import type { Sql } from "./connection.ts";
import { hoursOf, ownHour } from "./fan-out.ts";

/** When a partner gets each notice of a change that waits for its own hour, by the notice's number: what the fan-out makes of it. */
export const ownHours = async (sql: Sql, change: string, partner: string): Promise<Map<number, Date>> => {
  const { rows } = await sql.query<{ no: number; at: Date }>(
    `SELECT n.no, ${ownHour("n.hours")} AS at
     FROM (SELECT n.*, ${hoursOf("o.policy", "r.accepted_at")} AS hours FROM notices n
           JOIN revisions r ON r.change = n.change AND r.revision = n.revision
           JOIN policies o ON o.hash = r.policy
           WHERE n.change = $1 AND n.day IS NOT NULL) AS n
     JOIN partners p ON p.partner = $2`,
    [change, partner],
  );
  return new Map(rows.map(({ no, at }) => [no, at]));
};
