import { UTCDateMini } from "@date-fns/utc/date/mini";
// One file each: the library's index would load all of its 300 at every start.
import { addDays } from "date-fns/addDays";
import { addMonths } from "date-fns/addMonths";
import { differenceInCalendarDays } from "date-fns/differenceInCalendarDays";
import { differenceInCalendarMonths } from "date-fns/differenceInCalendarMonths";
import { hasTime, type IsoDuration, offsetSpan, type Span, spanOf } from "./duration.ts";
import { afterChange, localMs, resolveLocal } from "./zone.ts";

/** A calendar day, `YYYY-MM-DD`, of whichever zone is meant; days compare as strings. */
export type Day = string;

/** What a wall clock of whichever zone shows, as if it were UTC's. */
type UtcClock = InstanceType<typeof UTCDateMini>;

/**
 * Days have no zone: their arithmetic is done at midnights of UTC, where each has one. What the library makes of such a date
 * is one again, without an option; `tz("UTC")` asks Intl for an offset that is none a hundred times an event.
 */
const utcClock = (day: Day, at: string): UtcClock => new UTCDateMini(`${day}T${at}:00Z`);

const midnight = (day: Day): UtcClock => utcClock(day, "00:00");

const dayAt = (date: Date): Day => date.toISOString().slice(0, "YYYY-MM-DD".length);

/** Months first, which end with the month; then days. The time of day stays. */
const shift = (clock: UtcClock, { months, days }: Span, sign: 1 | -1): UtcClock =>
  addDays(addMonths(clock, sign * months), sign * days);

/** What every program reads alike: `Area/Place` and UTC. */
const isRegion = (zone: string): boolean => zone.includes("/") || zone === "UTC" || zone === "GMT";

/**
 * The name under which a zone of the IANA time zone database is kept: a region's as given, and for an abbreviation the region that
 * Intl means by it. PostgreSQL knows other abbreviations, and takes `CET` or `IST` for a fixed offset, in summer too. Null: no such
 * zone is known here; bare offsets are none.
 *
 * @example zoneName("CET") // "Europe/Brussels"
 */
export const zoneName = (zone: string): string | null => {
  if (!/^[A-Za-z]/.test(zone)) return null;
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions();
    const name = isRegion(zone) ? zone : timeZone;
    return isRegion(name) ? name : null;
  } catch {
    return null;
  }
};

/** Whether an accepted release date is a date without a time. */
export const isDateOnly = (releaseAt: string): boolean => /^\d{4}-\d{2}-\d{2}$/.test(releaseAt);

/** An instant as everything of ours writes it: RFC 3339 in UTC, to the millisecond. */
export const formatInstant = (instant: Date): string => instant.toISOString();

/** The calendar day that an instant falls on in `zone`. @example dayOf("2027-03-27T23:30:00Z", "Europe/Paris") // "2027-03-28" */
export const dayOf = (instant: Date | string, zone: string): Day =>
  dayAt(new Date(localMs(new Date(instant).getTime(), zone)));

/**
 * The day a duration after `day`, or before it when `sign` is -1; a time part counts nothing. Months come first and
 * end with the month: a month after 31 January is the last of February. Going there and back need not return.
 *
 * @example addCalendar("2027-01-31", "P1M") // "2027-02-28"
 */
export const addCalendar = (day: Day, duration: IsoDuration, sign: 1 | -1 = 1): Day =>
  shiftDay(day, spanOf(duration), sign);

const shiftDay = (day: Day, span: Span, sign: 1 | -1): Day => dayAt(shift(midnight(day), span, sign));

/** Calendar days from one day to another; negative when `to` is the earlier. */
export const daysBetween = (from: Day, to: Day): number => differenceInCalendarDays(midnight(to), midnight(from));

/**
 * Whole calendar months from one day to another: the most that can be added to `from` without passing `to`, so that it
 * agrees with minimums, which are counted forward. Negative, and counted from `to`, when `to` is the earlier.
 *
 * @example monthsBetween("2027-01-31", "2027-02-28") // 1
 */
export const monthsBetween = (from: Day, to: Day): number => {
  if (to < from) return 0 - monthsBetween(to, from);
  const months = differenceInCalendarMonths(midnight(to), midnight(from));
  return shiftDay(from, { months, days: 0, ms: 0 }, 1) <= to ? months : months - 1;
};

/**
 * The instant at which a wall clock in `zone` shows `at`, `offset` away from the calendar day `day`.
 *
 * Days are calendar days, not 24-hour spans, so 09:00 stays 09:00 across a clock change.
 * A skipped time moves forward; a repeated one takes the earlier.
 *
 * @example wallClock("2027-04-03", "-P7D", "09:00", "Europe/Amsterdam") // 2027-03-27T08:00:00Z
 */
export const wallClock = (day: Day, offset: IsoDuration, at: string, zone: string): Date =>
  inZone(shift(utcClock(day, at), offsetSpan(offset), -1), zone);

const inZone = (clock: UtcClock, zone: string): Date => new Date(resolveLocal(clock.getTime(), zone).ms);

/** When a release happens: its time, or for a date the first instant of that day in `zone`, 00:00 unless it is skipped. */
export const releaseInstant = (releaseAt: string, zone: string): Date => {
  if (!isDateOnly(releaseAt)) return new Date(releaseAt);
  const { ms, skipped } = resolveLocal(midnight(releaseAt).getTime(), zone);
  return new Date(skipped ? afterChange(ms, zone) : ms);
};

/** The calendar day of a release in `zone`. */
export const releaseDay = (releaseAt: string, zone: string): Day =>
  isDateOnly(releaseAt) ? releaseAt : dayOf(releaseAt, zone);

/**
 * The instant a duration after another, or before it when `sign` is -1: months and days by the calendar of `zone`,
 * keeping the wall clock, then the time part exactly.
 */
export const shiftInstant = (instant: Date, span: Span, sign: 1 | -1, zone: string): Date => {
  if (span.months === 0 && span.days === 0) return new Date(instant.getTime() + sign * span.ms);
  const shifted = shift(new UTCDateMini(localMs(instant.getTime(), zone)), span, sign);
  return new Date(resolveLocal(shifted.getTime(), zone).ms + sign * span.ms);
};

/**
 * When notices are due, by how long before the release they are: whole months and days at `sendAt` on that calendar day of the
 * policy's zone, however late in its day the release is; a span with a time part exactly so long before the release.
 *
 * @example beforeRelease("2027-03-31", { timeZone: "Europe/Paris", sendAt: "09:00" })(offsetSpan("-P1M")) // 2027-02-28T08:00:00Z
 */
export const beforeRelease = (
  releaseAt: string,
  { timeZone, sendAt }: { timeZone: string; sendAt: string },
): ((span: Span) => Date) => {
  const release = releaseInstant(releaseAt, timeZone);
  const clock = utcClock(releaseDay(releaseAt, timeZone), sendAt);
  return (span) =>
    hasTime(span) ? shiftInstant(release, span, -1, timeZone) : inZone(shift(clock, span, -1), timeZone);
};

export type ParsedReleaseAt = { ok: true; value: string } | { ok: false; problem: string };

/** Outside these a year is a slip of the pen. */
const YEARS = { first: 2000, last: 2100 };

/** RFC 3339 section 5.6, `date-time`; hours, minutes and seconds are bounded by FAULTS. */
const TIME = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?([Zz]|[+-](\d{2}):(\d{2}))$/;

const FORMS = "write a date as 2027-03-01 or a time with its offset as 2027-03-01T09:00:00+01:00";

const isRealDay = (day: string): boolean => {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
};

const isInYears = (text: string): boolean => {
  const year = Number(text.slice(0, 4));
  return year >= YEARS.first && year <= YEARS.last;
};

const OUT_OF_YEARS = `is outside the years ${YEARS.first} to ${YEARS.last}; correct the year`;

/** What may be wrong with a time of the right form; the first that fits is said. */
const FAULTS: readonly { fits: (parts: readonly number[]) => boolean; fault: string }[] = [
  { fits: ([hour]) => hour === 24, fault: "has the hour 24; write 00:00:00 of the next day" },
  { fits: ([, , second]) => second === 60, fault: "is a leap second; write second 59 or the next minute" },
  {
    fits: ([hour = 0, minute = 0, second = 0]) => hour > 24 || minute > 59 || second > 60,
    fault: "is not a time of day; hours go to 23, minutes and seconds to 59",
  },
  {
    fits: ([, , , hours = 0, minutes = 0]) => minutes > 59 || hours * 60 + minutes > 14 * 60,
    fault: "has an offset that no zone has; give one within 14 hours of UTC",
  },
];

/**
 * Reads a release date (and `testFrom`, which has the same forms): a calendar date, or an RFC 3339 time with its
 * offset. A date is kept as it is; a time becomes UTC, to the millisecond, finer digits cut off. Dates that do not
 * exist, times without an offset, leap seconds, and years outside 2000 to 2100 come back as a reason.
 *
 * @example parseReleaseAt("2027-03-01T09:00:00+01:00") // { ok: true, value: "2027-03-01T08:00:00.000Z" }
 */
export const parseReleaseAt = (text: string): ParsedReleaseAt => {
  const refuse = (problem: string): ParsedReleaseAt => ({ ok: false, problem });
  const time = TIME.exec(text);
  const day = time?.[1] ?? text;
  if (time === null && !isDateOnly(text)) {
    if (/^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(text))
      return refuse(`has no offset, so nobody knows when it is; ${FORMS}`);
    if (/^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}([Zz]|[+-]\d{2}:?\d{2})$/.test(text))
      return refuse(`has no seconds; ${FORMS}`);
    return refuse(`is neither a date nor a time; ${FORMS}`);
  }
  if (!isRealDay(day)) return refuse(`is ${day}, a day that no calendar has; give one that exists`);
  if (time === null) return isInYears(text) ? { ok: true, value: text } : refuse(OUT_OF_YEARS);
  const [, , hour, minute, second, , hours, minutes] = time;
  const parts = [hour, minute, second, hours, minutes].map((digits) => Number(digits ?? 0));
  const found = FAULTS.find(({ fits }) => fits(parts));
  if (found !== undefined) return refuse(found.fault);
  const value = formatInstant(new Date(text.toUpperCase()));
  return isInYears(value) ? { ok: true, value } : refuse(OUT_OF_YEARS);
};
