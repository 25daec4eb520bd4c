import { addCalendar, dayOf, releaseDay, releaseInstant, shiftInstant } from "./calendar.ts";
import type { Change, Difference } from "./change.ts";
import type { ChangeEvent } from "./event.ts";
import { hasTime, spanOf } from "./duration.ts";
import type { Fault } from "./fault.ts";
import { demandOf, type Policy } from "./policy.ts";

/** Whether an instant lies more than a day after another: further than a wrong offset, of 14 hours at most, can move it. */
const isFarAhead = (instant: Date, now: string): boolean =>
  instant.getTime() > shiftInstant(new Date(now), spanOf("P1D"), 1, "UTC").getTime();

/** What is known of an event before its change is. */
type OwnFacts = { event: ChangeEvent; policy: Policy; acceptedAt: string };

type Facts = OwnFacts & { change: Change; previous: Pick<Change, "status"> | null; differs: Difference };

type Rule<F> = { path: string; broken: (facts: F) => boolean; says: (facts: F) => string };

/**
 * The latest release that the category allows, counted from acceptance: a day, or an instant for a bound with a time
 * part; null when there is no such bound.
 */
const latestRelease = ({ change, policy, acceptedAt }: Facts): string | null => {
  const within = demandOf(policy, change.fields.category, change.critical).releaseWithin;
  if (within === undefined) return null;
  const span = spanOf(within);
  return hasTime(span)
    ? shiftInstant(new Date(acceptedAt), span, 1, policy.timeZone).toISOString()
    : addCalendar(dayOf(acceptedAt, policy.timeZone), within);
};

const isTooFar = (facts: Facts): boolean => {
  const latest = latestRelease(facts);
  const { releaseAt } = facts.change.fields;
  if (latest === null || releaseAt === undefined) return false;
  const zone = facts.policy.timeZone;
  // Both sides in one form, a day or an instant, so that they compare as text.
  return latest.length > "YYYY-MM-DD".length
    ? releaseInstant(releaseAt, zone).toISOString() > latest
    : releaseDay(releaseAt, zone) > latest;
};

const live = ({ change }: Facts): boolean => change.status === "announced" || change.status === "recorded";

/** What an event must keep to by itself, beyond the form of each field. */
const OWN_RULES: readonly Rule<OwnFacts>[] = [
  {
    path: "releasedAt",
    broken: ({ event: { releasedAt }, policy, acceptedAt }) =>
      releasedAt !== null && isFarAhead(releaseInstant(releasedAt, policy.timeZone), acceptedAt),
    says: ({ event }) =>
      `is ${event.releasedAt}, more than a day ahead, and this event says that the change is released now; send it then, or move the date with forewarn.change.updated and releaseAt`,
  },
];

/** What a merged change must keep to. */
const RULES: readonly Rule<Facts>[] = [
  {
    path: "change",
    // One that is older than the cancellation changes nothing, and may come late.
    broken: ({ event, previous, change }) =>
      event.kind === "released" && previous?.status === "cancelled" && change.status === "released",
    says: ({ change }) =>
      `${change.change} is cancelled, and nothing follows that: partners were told that they need not do anything; announce it as a new change, with another id`,
  },
  {
    path: "releaseAt",
    broken: (facts) =>
      live(facts) && facts.change.fields.category !== "normal" && facts.change.fields.releaseAt === undefined,
    says: ({ change }) =>
      `is missing; ${change.fields.category} changes are announced for a date: give releaseAt as 2027-03-01 or 2027-03-01T09:00:00+01:00`,
  },
  {
    path: "releaseAt",
    broken: (facts) =>
      live(facts) &&
      ("releaseAt" in facts.differs || "category" in facts.differs || facts.change.revision === 1) &&
      isTooFar(facts),
    says: (facts) =>
      `is too far ahead for a change of category ${facts.change.fields.category}, which is released by ${latestRelease(facts)} at the latest; give an earlier date, or announce it as major`,
  },
  {
    path: "reason",
    broken: ({ event, differs }) =>
      event.kind === "updated" && event.reason === null && ("category" in differs || "releaseAt" in differs),
    says: ({ differs }) =>
      `is missing; say why the ${"category" in differs ? "category" : "release date"} moves: partners are told the reason`,
  },
];

const brokenOf = <F>(rules: readonly Rule<F>[], facts: F): Fault[] =>
  rules.filter((rule) => rule.broken(facts)).map((rule) => ({ path: rule.path, message: rule.says(facts) }));

/** Every rule that an event breaks by itself, whether its change is there or not. */
export const brokenByItself = (facts: OwnFacts): Fault[] => brokenOf(OWN_RULES, facts);

/** Every rule that the event and the merged change break. */
export const brokenRules = (facts: Facts): Fault[] => [...brokenByItself(facts), ...brokenOf(RULES, facts)];
