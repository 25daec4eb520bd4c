import type { Change } from "../domain/change.ts";
import type { CalendarEntry } from "../render/calendar-entry.ts";
import type { Sql } from "./connection.ts";

/**
 * How often the calendar entry of a change had moved by a revision, as SQL: each date that differs, each cancellation,
 * each return from one. `row` is the alias whose `change` and `revision` are meant.
 */
export const entrySequence = (row: string): string => `(
  SELECT count(*) FROM revisions later JOIN revisions former
    ON former.change = later.change AND former.revision = later.revision - 1
  WHERE later.change = ${row}.change AND later.revision <= ${row}.revision
    AND (later.differs ? 'releaseAt'
         OR (later.state->>'status' = 'cancelled') <> (former.state->>'status' = 'cancelled')))`;

export type StoredEntry = CalendarEntry & { revisedAt: Date };

/** The entries of dated changes, the latest release first; of the services in `subscriptions` (`*`: of all). */
export const listCalendarEntries = async (
  sql: Sql,
  subscriptions: readonly string[],
  limit: number,
): Promise<StoredEntry[]> => {
  const { rows } = await sql.query<{ state: Change; status: Change["status"]; sequence: number; revisedAt: Date }>(
    `SELECT c.state, c.status, ${entrySequence("c")} AS sequence, r.accepted_at AS "revisedAt"
     FROM changes c JOIN revisions r ON r.change = c.change AND r.revision = c.revision
     WHERE c.release_at IS NOT NULL AND $1::text[] && ARRAY['*', c.service]
     ORDER BY c.release_at DESC, c.change LIMIT $2`,
    [subscriptions, limit],
  );
  return rows.flatMap(({ state, status, sequence, revisedAt }) =>
    state.fields.releaseAt === undefined
      ? []
      : [
          {
            change: state,
            releaseAt: state.fields.releaseAt,
            cancelled: status === "cancelled",
            sequence,
            revisedAt,
          },
        ],
  );
};
