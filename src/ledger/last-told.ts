import type { Change } from "../domain/change.ts";
import type { Sql } from "./connection.ts";
import { lookUp } from "./look-up.ts";

/**
 * Which revision the endpoint of each delivery of a chunk was told of last, by notices before the one that it is to get
 * now: a reminder of a date that it knows has no former date to tell, and a repetition says what was said the first time.
 */
export const lastTold = async (sql: Sql, chunk: number): Promise<Map<string, number>> => {
  const { rows } = await sql.query<{ notice: number; endpoint: number; told: number }>({
    name: "last-told",
    text: `SELECT d.notice, d.endpoint, max(said.revision) AS told
           FROM (SELECT notice, endpoint FROM deliveries WHERE chunk = $1 AND status = 'waiting'
                 UNION ALL
                 SELECT notice, endpoint FROM replays WHERE chunk = $1) AS d
           JOIN notices n ON n.no = d.notice
           JOIN notices said ON said.change = n.change AND said.revision <= n.revision AND said.no < n.no
           CROSS JOIN ${lookUp("deliveries", "notice = said.no AND endpoint = d.endpoint")} AS told
           WHERE told.status = 'sent'
           GROUP BY d.notice, d.endpoint`,
    values: [chunk],
  });
  return new Map(rows.map((row) => [`${row.notice} ${row.endpoint}`, row.told]));
};

/** A change as one of its revisions left it. */
export const findRevisionState = async (sql: Sql, change: string, revision: number): Promise<Change | null> => {
  const { rows } = await sql.query<{ state: Change }>({
    name: "find-revision-state",
    text: "SELECT state FROM revisions WHERE change = $1 AND revision = $2",
    values: [change, revision],
  });
  return rows[0]?.state ?? null;
};
