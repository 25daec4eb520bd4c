import type { Fault } from "../domain/fault.ts";
import type { Sql } from "./connection.ts";

/** The zone itself where PostgreSQL knows it, and UTC otherwise: one row that names another fails no statement of many. */
export const knownZone = (zone: string): string => `zone_or_utc(${zone})`;

export const UNKNOWN_ZONE =
  "is a time zone that the ledger's PostgreSQL does not know; use another name of it, or update the server's time zone data";

/** What is wrong with a zone that Node knows: PostgreSQL has time zone data of its own, which may be older. */
export const zoneFaults = async (sql: Sql, zone: string | undefined): Promise<Fault[]> => {
  if (zone === undefined) return [];
  const { rowCount } = await sql.query(`SELECT WHERE ${knownZone("$1::text")} = $1`, [zone]);
  return rowCount === 0 ? [{ path: "timeZone", message: UNKNOWN_ZONE }] : [];
};
