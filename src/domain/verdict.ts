import {
  addCalendar,
  type Day,
  dayOf,
  daysBetween,
  formatInstant,
  isDateOnly,
  monthsBetween,
  releaseDay,
  releaseInstant,
  shiftInstant,
} from "./calendar.ts";
import { hasTime, type IsoDuration, spanOf } from "./duration.ts";

/** A forecast of one revision's notice, as if every partner were told at acceptance. */
export type Verdict = {
  status: "none" | "met" | "short" | "waived";
  /** ISO 8601 duration that the category demands; null when it demands none. */
  minimum: string | null;
  /**
   * Whole calendar days and months from telling to release in the policy's zone; null without a release date, and
   * negative when partners are told after it.
   */
  noticeDays: number | null;
  noticeMonths: number | null;
  /** Whole days missing; 0 when met. */
  shortByDays: number;
  /** The earliest lawful release: a date, or a UTC time for minimums with a time part; null when nothing is demanded. */
  earliestRelease: string | null;
};

/**
 * A duration counted forward from an instant: the calendar day in `zone` that it ends on, or for a duration with a
 * time part the exact UTC time.
 *
 * @example countForward("2027-01-31T22:30:00Z", "P1M", "Europe/Paris") // "2027-02-28"
 */
export const countForward = (from: string, duration: IsoDuration, zone: string): string => {
  const span = spanOf(duration);
  return hasTime(span)
    ? formatInstant(shiftInstant(new Date(from), span, 1, zone))
    : addCalendar(dayOf(from, zone), duration);
};

/**
 * Where a release lies from what `countForward` came to: days are compared with days and times with times. Negative
 * when the release is before it, 0 on the same day or instant, positive when after.
 */
export const compareRelease = (releaseAt: string, mark: string, zone: string): number => {
  if (!isDateOnly(mark)) return releaseInstant(releaseAt, zone).getTime() - Date.parse(mark);
  const day = releaseDay(releaseAt, zone);
  return day < mark ? -1 : Number(day > mark);
};

/** Calendar days to add to a release until it is no earlier than `earliest`; a part of a day counts as a whole one. */
const daysShort = (releaseAt: string, earliest: string, zone: string): number => {
  const day: Day = releaseDay(releaseAt, zone);
  if (isDateOnly(earliest)) return daysBetween(day, earliest);
  const days = daysBetween(day, dayOf(earliest, zone));
  const moved = shiftInstant(releaseInstant(releaseAt, zone), { months: 0, days, ms: 0 }, 1, zone);
  return moved.getTime() < Date.parse(earliest) ? days + 1 : days;
};

export type JudgeInput = {
  /** When partners were told of this date, or will be. */
  toldAt: string;
  releaseAt: string | undefined;
  /** The minimum notice; undefined when none is demanded. */
  demand: IsoDuration | undefined;
  /** The policy's. */
  zone: string;
  /** A named person let the shortfall pass. */
  waived: boolean;
};

/**
 * Whether a release keeps the minimum, counted forward from the day of telling: `day(toldAt) + minimum ≤ day(releaseAt)`
 * in the policy's zone. A minimum with a time part is counted from the instant. A waiver only matters where the minimum
 * is short, and hides no figure. Without a release date there is nothing to judge: the status is `none`, beside the
 * earliest lawful date.
 *
 * @example judge({ toldAt: "2026-10-28T10:00:00Z", releaseAt: "2027-01-27", demand: "P3M", zone: "Europe/Paris", waived: false })
 * // { status: "short", minimum: "P3M", noticeDays: 91, noticeMonths: 2, shortByDays: 1, earliestRelease: "2027-01-28" }
 */
export const judge = ({ toldAt, releaseAt, demand, zone, waived }: JudgeInput): Verdict => {
  const told = dayOf(toldAt, zone);
  const released = releaseAt === undefined ? null : releaseDay(releaseAt, zone);
  const earliest = demand === undefined ? null : countForward(toldAt, demand, zone);
  const short = earliest !== null && releaseAt !== undefined && compareRelease(releaseAt, earliest, zone) < 0;
  const kept = earliest === null || releaseAt === undefined ? "none" : "met";
  return {
    status: short ? (waived ? "waived" : "short") : kept,
    minimum: demand ?? null,
    noticeDays: released === null ? null : daysBetween(told, released),
    noticeMonths: released === null ? null : monthsBetween(told, released),
    shortByDays: short ? daysShort(releaseAt, earliest, zone) : 0,
    earliestRelease: earliest,
  };
};
