import { releaseInstant } from "./calendar.ts";
import type { Lane } from "./category.ts";
import type { Change, Difference, Outdated } from "./change.ts";
import type { ChangeEvent } from "./event.ts";
import type { Fault } from "./fault.ts";
import { mergeEvent } from "./merge.ts";
import { attentionAt } from "./minimum.ts";
import { type Plan, planNotices, speaks } from "./plan.ts";
import { laneOf, type Policy } from "./policy.ts";
import { brokenRules } from "./rules.ts";

/** Everything that an accepted event makes of its change: what is stored, answered and planned. */
export type Revision = {
  change: Change;
  differs: Difference;
  /** What of the event was not taken. */
  outdated: Outdated[];
  reason: string | null;
  minor: boolean;
  plan: Plan;
  lane: Lane;
  /** The instant of the release date, UTC; null when undated. */
  releaseAt: string | null;
  /** UTC, when the event said that it is released. */
  releasedAt: string | null;
  /** From when its minimum wants the provider's attention, UTC; null: never. */
  attentionAt: string | null;
};

export type RevisionInput = {
  event: ChangeEvent;
  /** Events that came before the creation which `event` is, in order of arrival. */
  held: readonly ChangeEvent[];
  /** The change as stored; null before its creation. */
  stored: { state: Change; status: Change["status"] } | null;
  /** What is known of every service that the events name; absent: there is no such service. */
  services: ReadonlyMap<string, { businessCritical: boolean }>;
  policy: Policy;
  acceptedAt: string;
};

const unknownService = (service: string): Fault => ({
  path: "service",
  message: `"${service}" is not known; add it first (POST /v1/services, or: forewarn services add ${service})`,
});

/**
 * The next revision of a change, or every fault of the event that would make it. Pure: what was committed and the
 * acceptance time decide, so that accepting, previewing and planning all come to the same notices.
 */
export const revise = ({
  event,
  held,
  stored,
  services,
  policy,
  acceptedAt,
}: RevisionInput): Revision | { faults: Fault[] } => {
  const previous = stored?.state ?? null;
  const before: Change | null = stored && { ...stored.state, status: stored.status };
  let change = before;
  let differs: Difference = {};
  let outdated: Outdated[] = [];
  for (const one of [event, ...held]) {
    const service = one.fields.service ?? change?.fields.service ?? "";
    const known = services.get(service);
    if (!known) return { faults: [unknownService(service)] };
    const merged = mergeEvent(change, one, {
      acceptedAt,
      zone: policy.timeZone,
      spoke: speaks(change, policy),
      serviceIsCritical: known.businessCritical,
    });
    change = merged.change;
    if (one === event) ({ differs, outdated } = merged);
  }
  if (!change) return { faults: [] };
  change.revision = (previous?.revision ?? 0) + 1;

  const faults = brokenRules({ change, previous: before, differs, event, policy, acceptedAt });
  if (faults.length > 0) return { faults };

  const plan = planNotices({ change, previous, differs, minor: event.minor, acceptedAt, policy });
  return {
    change,
    differs,
    outdated,
    reason: event.reason,
    minor: event.minor,
    plan,
    lane: laneOf(policy, change.fields.category, change.critical),
    releaseAt:
      change.fields.releaseAt === undefined
        ? null
        : releaseInstant(change.fields.releaseAt, policy.timeZone).toISOString(),
    releasedAt:
      event.kind === "released" ? releaseInstant(event.releasedAt ?? acceptedAt, policy.timeZone).toISOString() : null,
    attentionAt: attentionAt(change, { policy, verdict: plan.verdict, acceptedAt }),
  };
};
