import { addCalendar, type Day, formatInstant, releaseDay, releaseInstant } from "./calendar.ts";
import type { Change } from "./change.ts";
import { hasTime, type IsoDuration, spanOf } from "./duration.ts";
import { demandOf, type Policy } from "./policy.ts";
import type { Verdict } from "./verdict.ts";

/**
 * The last calendar day on which telling still keeps the minimum, counted forward as the promise is.
 *
 * @example lastLawfulDay("2027-03-31", "P1M") // "2027-02-28"
 */
export const lastLawfulDay = (release: Day, minimum: IsoDuration): Day => {
  // A month back from a month's end may be a day or more too early: look on from there.
  let day = addCalendar(release, minimum, -1);
  for (let next = addCalendar(day, "P1D"); addCalendar(next, minimum) <= release; next = addCalendar(next, "P1D"))
    day = next;
  return day;
};

/** The last day on which telling of this change keeps its minimum; null without a date, or without a minimum of whole days. */
export const lastDayOf = ({ fields, critical }: Change, policy: Policy): Day | null => {
  const { minimumNotice: minimum } = demandOf(policy, fields.category, critical);
  if (fields.releaseAt === undefined || minimum === undefined || hasTime(spanOf(minimum))) return null;
  return lastLawfulDay(releaseDay(fields.releaseAt, policy.timeZone), minimum);
};

/** The day before the last one, on which partners who are still untold are brought to the provider's attention. */
export const dayBefore = (last: Day): Day => addCalendar(last, "P1D", -1);

/**
 * From when the minimum of an announced change wants the provider's attention, UTC: at once when it was announced too late, else
 * from the day before its last one on; null when nothing can lapse.
 */
export const attentionAt = (
  change: Change,
  { policy, verdict, acceptedAt }: { policy: Policy; verdict: Verdict; acceptedAt: string },
): string | null => {
  if (change.status !== "announced") return null;
  if (verdict.status === "short") return acceptedAt;
  const last = lastDayOf(change, policy);
  return last && formatInstant(releaseInstant(dayBefore(last), policy.timeZone));
};
