import { beforeRelease, dayOf, formatInstant, releaseInstant, shiftInstant } from "./calendar.ts";
import type { Change, Difference } from "./change.ts";
import { hasTime, offsetSpan, spanOf } from "./duration.ts";
import type { NoticeKind, PlannedNotice } from "./notice.ts";
import { ANNOUNCEMENT, demandOf, laneOf, type Policy } from "./policy.ts";
import { type Supersession, type Turn, turnOf } from "./turn.ts";
import { judge, type Verdict } from "./verdict.ts";

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

export type Plan = {
  verdict: Verdict;
  /** By `dueAt`; those due at once first in the order in which they matter. */
  notices: PlannedNotice[];
  /** What becomes of the older revisions' notices that are not done. */
  supersedes: Supersession;
};

const demandsOf = ({ fields, critical }: Change, policy: Policy) => demandOf(policy, fields.category, critical);

/** Whether the change's category tells anybody of anything. */
export const speaks = (change: Change | null, policy: Policy): boolean =>
  change !== null && demandsOf(change, policy).notices.length > 0;

const instantOf = ({ fields }: Change, policy: Policy): Date | null =>
  fields.releaseAt === undefined ? null : releaseInstant(fields.releaseAt, policy.timeZone);

/** Fourteen hours for the zones ahead of UTC, and days on which nothing may arrive: those partners are due earlier. */
const LEAD = spanOf("P5D");

type NoticeParts = Pick<PlannedNotice, "kind" | "offset" | "audience"> & { due: Date; day?: string };

const planned = ({ change, policy }: PlanInput, { kind, offset, audience, due, day }: NoticeParts): PlannedNotice => {
  const dueAt = formatInstant(due);
  return {
    id: `${change.change}.r${change.revision}.${kind}${offset ?? ""}`,
    kind,
    offset,
    lane: laneOf(policy, change.fields.category, change.critical),
    audience,
    dueAt,
    fanOutAt: day === undefined ? dueAt : formatInstant(shiftInstant(due, LEAD, -1, policy.timeZone)),
    day: day ?? null,
    escalates: offset === policy.escalateAt && demandsOf(change, policy).minimumNotice !== undefined,
    status: "planned",
    foldedInto: null,
  };
};

/** Kinds that the policy may leave out; the others always go. */
const WANTED: Partial<Record<NoticeKind, (input: PlanInput) => boolean>> = {
  announcement: ({ change, policy }) => demandsOf(change, policy).notices.includes(ANNOUNCEMENT),
  // Once its date has passed, the schedule has released the change and said so.
  released: ({ previous, policy, acceptedAt }) => {
    const formerly = previous === null ? null : instantOf(previous, policy);
    return policy.onRelease && (formerly === null || formatInstant(formerly) > formatInstant(new Date(acceptedAt)));
  },
};

const immediate = (input: PlanInput, turn: Turn): PlannedNotice[] =>
  turn.now
    .filter(([kind]) => WANTED[kind]?.(input) ?? true)
    .map(([kind, audience]) => planned(input, { kind, offset: null, audience, due: new Date(input.acceptedAt) }));

const reminders = (input: PlanInput, releaseAt: string): PlannedNotice[] => {
  const { change, policy } = input;
  const dueBefore = beforeRelease(releaseAt, policy);
  const isRoutine = laneOf(policy, change.fields.category, change.critical) === "routine";
  return demandsOf(change, policy)
    .notices.filter((entry) => entry !== ANNOUNCEMENT)
    .map((offset) => {
      const span = offsetSpan(offset);
      const due = dueBefore(span);
      // The urgent lane is never held, and an exact offset is the same instant for all.
      const ownHour = isRoutine && !hasTime(span);
      return planned(input, {
        kind: "reminder",
        offset,
        audience: "all",
        due,
        ...(ownHour ? { day: dayOf(due, policy.timeZone) } : {}),
      });
    })
    .toSorted(byDue);
};

/** `dueAt` is of one form, so that its order is the text's. */
const byDue = (a: PlannedNotice, b: PlannedNotice): number => (a.dueAt < b.dueAt ? -1 : Number(a.dueAt > b.dueAt));

/** Whether everyone hears at once, so that a reminder of the same day has nothing to add. */
const reachesAll = (notices: readonly PlannedNotice[]): boolean => {
  const audiences = new Set(notices.map(({ audience }) => audience));
  return audiences.has("all") || (audiences.has("told") && audiences.has("untold"));
};

/**
 * Folds reminders, given in order of their time: what has passed into the first of those sent at once, and an offset
 * of whole days into an earlier notice of its calendar day. An offset with a time part folds only when it has passed.
 */
const fold = (list: readonly PlannedNotice[], now: readonly PlannedNotice[], input: PlanInput): PlannedNotice[] => {
  const { timeZone } = input.policy;
  const acceptedMs = Date.parse(input.acceptedAt);
  const first = now[0];
  const saidOn = new Map<string, string>();
  if (first !== undefined && reachesAll(now)) saidOn.set(dayOf(first.dueAt, timeZone), first.id);
  return list.map((notice) => {
    if (Date.parse(notice.dueAt) <= acceptedMs) return { ...notice, status: "folded", foldedInto: first?.id ?? null };
    const day = notice.day ?? dayOf(notice.dueAt, timeZone);
    const earlier = saidOn.get(day);
    if (earlier !== undefined && notice.offset !== null && !hasTime(offsetSpan(notice.offset)))
      return { ...notice, status: "folded", foldedInto: earlier };
    saidOn.set(day, earlier ?? notice.id);
    return notice;
  });
};

/** What lies ahead of the release date: the reminders, and the word that it is released where the policy wants it. */
const ahead = (input: PlanInput, now: readonly PlannedNotice[]): PlannedNotice[] => {
  const { change, policy, acceptedAt } = input;
  const { releaseAt } = change.fields;
  if (releaseAt === undefined || change.status === "released" || change.status === "cancelled") return [];
  const due = releaseInstant(releaseAt, policy.timeZone);
  const released =
    policy.onRelease && due.getTime() > Date.parse(acceptedAt)
      ? [planned(input, { kind: "released", offset: null, audience: "told", due })]
      : [];
  return [...fold(reminders(input, releaseAt), now, input), ...released];
};

/** A cancelled change demands nothing; one that told nobody before is told of from this revision on. */
const verdictOf = ({ change, previous, policy, acceptedAt }: PlanInput): Verdict =>
  judge({
    toldAt: previous !== null && !speaks(previous, policy) ? acceptedAt : change.dateSince,
    releaseAt: change.fields.releaseAt,
    demand: change.status === "cancelled" ? undefined : demandsOf(change, policy).minimumNotice,
    zone: policy.timeZone,
    waived: false,
  });

/**
 * Every notice of one revision, and the verdict. Only what was committed with the revision decides, so the same input
 * gives the same plan, with the same ids (`CHG-1042.r3.reminder-P14D`): planning twice plans once.
 *
 * What the revision did (TURNS) says who hears of it at once. Reminders are planned anew by each revision of a change
 * that is still ahead, because its ids carry the revision and older notices give way to it.
 */
export const planNotices = (input: PlanInput): Plan => {
  const { change, previous, policy, differs, minor } = input;
  const turn = turnOf({
    change,
    previous,
    differs,
    minor,
    speaks: speaks(change, policy),
    spoke: speaks(previous, policy),
  });
  const now = immediate(input, turn);
  const later = turn.reminds ? ahead(input, now) : [];
  return { verdict: verdictOf(input), notices: [...now, ...later].toSorted(byDue), supersedes: turn.supersedes };
};
