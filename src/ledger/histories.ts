import type { Change, Difference } from "../domain/change.ts";
import type { Sql } from "./connection.ts";

/** One revision of a change, with what it made of it. */
export type HistoryEntry = {
  revision: number;
  at: Date;
  /** Of the event: `forewarn.change.updated`. */
  type: string;
  reason: string | null;
  minor: boolean;
  /** Former values of what it changed. */
  differs: Difference;
  state: Change;
};

/** The history of each of these changes, oldest revision first. */
export const listHistories = async (sql: Sql, changes: readonly string[]): Promise<Map<string, HistoryEntry[]>> => {
  const { rows } = await sql.query<HistoryEntry & { change: string }>(
    `SELECT r.change, r.revision, r.accepted_at AS at, e.type, r.reason, r.minor, r.differs, r.state
     FROM revisions r JOIN events e ON e.no = r.event WHERE r.change = ANY($1) ORDER BY r.change, r.revision`,
    [changes],
  );
  return Map.groupBy(rows, (row) => row.change);
};
