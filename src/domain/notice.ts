import type { Lane } from "./category.ts";

export const NOTICE_KINDS = [
  "announcement",
  "reminder",
  "rescheduled",
  "reclassified",
  "amended",
  "cancelled",
  "released",
  "test",
  "endpoint-disabled",
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Which endpoints a notice is for: everyone subscribed, those told of the change before, or those not yet told. */
export type Audience = "all" | "told" | "untold";

/**
 * Who moves it on: `planned` → `sending` by the fan-out, → `superseded` or `cancelled` by a later revision;
 * `sending` → `done` by the sweeper when no delivery waits, → `superseded` or `cancelled` by a later revision.
 * `folded` is final: another notice of the same change says it.
 */
export const NOTICE_STATUSES = ["planned", "sending", "done", "superseded", "cancelled", "folded"] as const;
export type NoticeStatus = (typeof NOTICE_STATUSES)[number];

/** A notice as the planner makes it; the same input gives the same ids, so planning twice plans once. */
export type PlannedNotice = {
  /** `CHG-1042.r3.reminder-P14D` */
  id: string;
  kind: NoticeKind;
  /** The policy's offset (`-P14D`) of a reminder; null otherwise. */
  offset: string | null;
  lane: Lane;
  audience: Audience;
  /** Nominal instant, UTC. */
  dueAt: string;
  /** Early enough that every partner's own hour is still ahead; `dueAt` where all have the same. UTC. */
  fanOutAt: string;
  /** The calendar day on which each partner gets it at its own `sendAt`; null when all get it at `dueAt`. */
  day: string | null;
  /** When it is due, the second contacts of partners who have said nothing get it too. */
  escalates: boolean;
  status: Extract<NoticeStatus, "planned" | "folded">;
  /** The id of the notice that says it instead, when folded. */
  foldedInto: string | null;
};
