import type { Category } from "./category.ts";

/** What an event may say of a change, as accepted: a release date stays a date, a time is UTC with `Z`. */
export type ChangeFields = {
  category: Category;
  service: string;
  title: string;
  summary?: string;
  /** Markdown. */
  details?: string;
  /** `YYYY-MM-DD` (00:00 in the policy's zone) or a UTC time; required but for normal changes. */
  releaseAt?: string;
  /** Same forms: from when partners can try the change. */
  testFrom?: string;
  /** Absent: the service's own. */
  businessCritical?: boolean;
  action?: string;
  affects?: string[];
  links?: { rel: string; href: string; title?: string }[];
  contact?: string;
};

/**
 * Who moves it on: `announced` and `recorded` (a category without notices) → `released` by the `released` event or by
 * the schedule at `releaseAt`; any of them, `released` too → `cancelled` by the `cancelled` event; `released` by the schedule
 * → `announced` when a newer event moves the date ahead again. Nothing follows `cancelled`: a newer `released` is refused.
 */
export const CHANGE_STATUSES = ["announced", "recorded", "released", "cancelled"] as const;
export type ChangeStatus = (typeof CHANGE_STATUSES)[number];

/** The newest word on one field: events merge field by field, the newest `time` wins, ties by `source`, then `id`. */
export type Stamp = { time: string; source: string; id: string };

/** A field (or `status`) of an event that was not taken, and the newer event that had set it otherwise. */
export type Outdated = { field: string; by: Stamp };

/** A change after all of its accepted events: what is stored, and what the planner plans from. */
export type Change = {
  change: string;
  revision: number;
  status: ChangeStatus;
  fields: ChangeFields;
  /** One stamp per field that an event has set, and for `status`. */
  stamps: Record<string, Stamp>;
  /** Whether the change demands the business-critical notice: its own word, or its service's when it is silent. */
  critical: boolean;
  /**
   * When the present release date was first announced: the acceptance of the revision since which it holds and
   * partners are told of the change. UTC.
   */
  dateSince: string;
  /** The first acceptance of any revision. UTC. */
  firstAcceptedAt: string;
};

/** Former values of the fields that a revision changed (`null`: was not set). */
export type Difference = Record<string, unknown>;

/** A change's creation. Nothing was said before it, so its notices end none: they are stored in the commit that accepts it. */
export const FIRST_REVISION = 1;
