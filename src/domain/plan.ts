import type { Change, Difference } from "./change.ts";
import type { PlannedNotice } from "./notice.ts";
import type { Policy } from "./policy.ts";
import type { Verdict } from "./verdict.ts";

export type PlanInput = {
  /** The change as this revision leaves it. */
  change: Change;
  /** The change before this revision; null for the first. */
  previous: Change | null;
  /** What this revision changed, former values. */
  differs: Difference;
  /** The event said that nobody need be told of this edit. */
  minor: boolean;
  acceptedAt: string;
  policy: Policy;
};

export type Plan = { verdict: Verdict; notices: PlannedNotice[] };
