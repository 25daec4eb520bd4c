import type { Fault } from "../domain/fault.ts";
import type { ProblemName } from "../errors.ts";
import type { Sql } from "./connection.ts";

export const EVENT_STATUSES = ["accepted", "held", "refused"] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

export type EventView = {
  no: number;
  source: string | null;
  id: string | null;
  type: string | null;
  change: string | null;
  status: EventStatus;
  acceptedAt: Date;
  revision: number | null;
  refusal: { problem: ProblemName; detail: string; errors: Fault[] } | null;
};

/** Events newest first, before number `before`. */
export const listEvents = async (
  sql: Sql,
  status: EventStatus | undefined,
  before: number,
  limit: number,
): Promise<EventView[]> => {
  const { rows } = await sql.query<EventView>(
    `SELECT no, source, id, type, change, status, accepted_at AS "acceptedAt", revision, refusal FROM events
     WHERE no < $1 AND ($2::text IS NULL OR status = $2) ORDER BY no DESC LIMIT $3`,
    [before, status, limit],
  );
  return rows;
};
