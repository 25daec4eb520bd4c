import type { Change } from "../domain/change.ts";
import type { Sql } from "./connection.ts";

/** Which revision each waiting delivery's endpoint was told of last, before the one that it is to be told of now. */
export const lastTold = async (sql: Sql, chunk: number): Promise<Map<string, number>> => {
  const { rows } = await sql.query<{ notice: number; endpoint: number; told: number }>({
    name: "last-told",
    text: `SELECT d.notice, d.endpoint, max(said.revision) AS told
           FROM deliveries d
           JOIN notices n ON n.no = d.notice
           JOIN notices said ON said.change = n.change AND said.revision < n.revision
           JOIN deliveries told ON told.notice = said.no AND told.endpoint = d.endpoint AND told.status = 'sent'
           WHERE d.chunk = $1 AND d.status = 'waiting'
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
