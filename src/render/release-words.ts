import { TZDate, tz } from "@date-fns/tz";
import { differenceInCalendarDays } from "date-fns";
import type { Words } from "./words.ts";

export type Zones = { partner: string; policy: string };

/** A moment in a reader's words. */
export type Moment = {
  /** `Monday, 1 March 2027`, with the hour when one was given. */
  line: string;
  /** Which zone that is in, and what it is in others. */
  notes: string[];
  /** The instant it begins, for comparing. */
  at: Date;
  /** The zone its day is read in. */
  zone: string;
};

const DATE_ONLY = /^(\d{4})-(\d{2})-(\d{2})$/;
const DAY = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
const TIME = { hour: "2-digit", minute: "2-digit" } as const;

/** The zone if this runtime knows it, UTC otherwise: a mail with UTC times beats none. */
const known = (zone: string): string => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
};

const named = (zone: string): string => zone.replaceAll("_", " ");

const wallClock = (locale: string, zone: string, at: Date): string =>
  new Intl.DateTimeFormat(locale, { timeZone: zone, dateStyle: "full", timeStyle: "short" }).format(at);

const offset = (zone: string, at: Date): string =>
  new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" })
    .formatToParts(at)
    .find((part) => part.type === "timeZoneName")?.value ?? "UTC";

const dayOf = (words: Words, zone: string, at: Date): string =>
  new Intl.DateTimeFormat(words.locale, { ...DAY, timeZone: zone }).format(at);

const timeOf = (words: Words, zone: string, at: Date): string =>
  new Intl.DateTimeFormat(words.locale, { ...TIME, timeZone: zone }).format(at);

/**
 * A release date as a partner reads it.
 *
 * A date without a time is shown as that date, for it begins at 00:00 in the policy's zone; what that is on the partner's own
 * clock stands beside it when the clocks differ. A time is shown on the partner's clock, with its zone and UTC beside it.
 *
 * @example momentOf("2027-03-01", { partner: "Europe/Paris", policy: "Europe/Paris" }, wordsFor("en")).line // "Monday, 1 March 2027"
 */
export const momentOf = (value: string, zones: Zones, words: Words): Moment => {
  const partner = known(zones.partner);
  const policy = known(zones.policy);
  const date = DATE_ONLY.exec(value);
  if (date) {
    const [year, month, day] = date.slice(1).map(Number) as [number, number, number];
    const at = new Date(new TZDate(year, month - 1, day, 0, 0, 0, policy).getTime());
    const notes = [words.say("when.midnight", { time: timeOf(words, policy, at), zone: named(policy) })];
    if (offset(partner, at) !== offset(policy, at))
      notes.push(words.say("when.yours", { when: wallClock(words.locale, partner, at), zone: named(partner) }));
    return { line: dayOf(words, policy, at), notes, at, zone: policy };
  }
  const at = new Date(value);
  const sameDay = dayOf(words, partner, at) === dayOf(words, "UTC", at);
  const utc = sameDay ? timeOf(words, "UTC", at) : wallClock(words.locale, "UTC", at);
  const notes =
    partner === "UTC" ? ["UTC"] : [words.say("when.timed", { zone: named(partner), offset: offset(partner, at), utc })];
  return { line: wallClock(words.locale, partner, at), notes, at, zone: partner };
};

/** Whole calendar days from `now` to the moment, counted in the zone that the reader sees its day in; negative once past. */
export const daysTo = (moment: Moment, now: Date): number =>
  differenceInCalendarDays(moment.at, now, { in: tz(moment.zone) });

const DURATION = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const UNITS = ["years", "months", "weeks", "days", "hours", "minutes", "seconds"] as const;

/**
 * @example durationWords("P3M", wordsFor("fr")) // "3 mois"
 */
export const durationWords = (duration: string, words: Words): string => {
  const parts = DURATION.exec(duration)?.slice(1) ?? [];
  const given = UNITS.flatMap((unit, no) => (parts[no] === undefined ? [] : [[unit, Number(parts[no])] as const]));
  if (given.length === 0) return duration;
  return new Intl.DurationFormat(words.locale, { style: "long" }).format(Object.fromEntries(given));
};
