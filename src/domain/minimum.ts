import { addCalendar, type Day, dayOf, formatInstant, releaseDay, releaseInstant, shiftInstant } from "./calendar.ts";
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
  // Months end with the month: the way back may come out some days too late or too early, so look on from there.
  let day = addCalendar(release, minimum, -1);
  while (addCalendar(day, minimum) > release) day = addCalendar(day, "P1D", -1);
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

/**
 * How long a new word has to reach partners before those who are untold are named. It is a time, because a notice is not done
 * while one partner's retries last, nor while nothing is sent at all: just then somebody must hear of it.
 */
const HOUR = spanOf("PT1H");

const anHourAfter = (at: string, policy: Policy): string =>
  formatInstant(shiftInstant(new Date(at), HOUR, 1, policy.timeZone));

const startOf = (day: Day, policy: Policy): string => formatInstant(releaseInstant(day, policy.timeZone));

/**
 * When the minimum of a change wants the provider's attention, UTC: at once when it was announced too late, even if the schedule has
 * released it since; else on the day before its last one, or once its word had time to go out; null when nothing can lapse.
 */
export const attentionAt = (
  change: Change,
  { policy, verdict, acceptedAt }: { policy: Policy; verdict: Verdict; acceptedAt: string },
): string | null => {
  if (verdict.status === "short" && change.status !== "recorded") return acceptedAt;
  const last = change.status === "announced" ? lastDayOf(change, policy) : null;
  if (last === null || dayOf(acceptedAt, policy.timeZone) > last) return null;
  const dayBefore = startOf(addCalendar(last, "P1D", -1), policy);
  const wordIsOut = anHourAfter(acceptedAt, policy);
  return dayBefore > wordIsOut ? dayBefore : wordIsOut;
};

/**
 * When a minimum wants attention again that was looked at at `now`: on its last day, and then no more. Until that is over, what
 * `nobody` could be told of is looked at each hour, so that whoever names a contact hears of it.
 */
export const nextAttention = (
  last: Day,
  { now, nobody, policy }: { now: string; nobody: boolean; policy: Policy },
): string | null => {
  const today = dayOf(now, policy.timeZone);
  if (nobody && today <= last) return anHourAfter(now, policy);
  return today < last ? startOf(last, policy) : null;
};
