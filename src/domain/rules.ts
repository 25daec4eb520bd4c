import { addCalendar, dayOf, releaseDay, releaseInstant, shiftInstant } from "./calendar.ts";
import type { Change, Difference } from "./change.ts";
import type { ChangeEvent } from "./event.ts";
import { hasTime, spanOf } from "./duration.ts";
import type { Fault } from "./fault.ts";
import { demandOf, type Policy } from "./policy.ts";

type Facts = { change: Change; differs: Difference; event: ChangeEvent; policy: Policy; acceptedAt: string };

type Rule = { path: string; broken: (facts: Facts) => boolean; says: (facts: Facts) => string };

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

/** What a merged change must keep to, beyond the form of each field. */
const RULES: readonly Rule[] = [
  {
    path: "releaseAt",
    broken: (facts) =>
      live(facts) && facts.change.fields.category !== "normal" && facts.change.fields.releaseAt === undefined,
    says: ({ change }) =>
      `is missing; a ${change.fields.category} change is announced for a date: give releaseAt as 2027-03-01 or 2027-03-01T09:00:00+01:00`,
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

/** Every rule that the merged change breaks. */
export const brokenRules = (facts: Facts): Fault[] =>
  RULES.filter((rule) => rule.broken(facts)).map((rule) => ({ path: rule.path, message: rule.says(facts) }));
