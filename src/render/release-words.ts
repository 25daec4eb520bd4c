import { dayOf, daysBetween, isDateOnly, releaseInstant, zoneName } from "../domain/calendar.ts";
import type { ChangeStatus } from "../domain/change.ts";
import { parseDuration } from "../domain/duration.ts";
import type { Words } from "./words.ts";

export type Zones = { partner: string; policy: string };

/** A moment in a reader's words. */
export type Moment = {
  /** `Monday, 1 March 2027`, with the hour when one was given. */
  line: string;
  /** The line, with the zone of its hour: for where no notes stand beside it. */
  full: string;
  /** Which zone that is in, and what it is in others. */
  notes: string[];
  /** The instant it begins, for comparing. */
  at: Date;
  /** The zone its day is read in. */
  zone: string;
};

const DAY = { weekday: "long", day: "numeric", month: "long", year: "numeric" } as const;
const TIME = { hour: "2-digit", minute: "2-digit" } as const;

/** The zone if this runtime knows it, UTC otherwise: a mail with UTC times beats none. */
const known = (zone: string): string => zoneName(zone) ?? "UTC";

const named = (zone: string): string => zone.replaceAll("_", " ");

/** A date in a reader's words. Of the month's first day Intl leaves away what French writes: *1er décembre*. */
export const dateWords = (words: Words, at: Date, style: Intl.DateTimeFormatOptions): string => {
  const format = new Intl.DateTimeFormat(words.locale, style);
  if (words.language !== "fr") return format.format(at);
  return format
    .formatToParts(at)
    .map(({ type, value }) => (type === "day" && value === "1" ? "1er" : value))
    .join("");
};

const fullWords = (words: Words, zone: string, at: Date): string =>
  dateWords(words, at, { timeZone: zone, dateStyle: "full", timeStyle: "short" });

const offset = (zone: string, at: Date): string =>
  new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" })
    .formatToParts(at)
    .find((part) => part.type === "timeZoneName")?.value ?? "UTC";

const dayWords = (words: Words, zone: string, at: Date): string => dateWords(words, at, { ...DAY, timeZone: zone });

const timeWords = (words: Words, zone: string, at: Date): string =>
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
  const at = releaseInstant(value, policy);
  if (isDateOnly(value)) {
    const notes = [words.say("when.midnight", { time: timeWords(words, policy, at), zone: named(policy) })];
    if (offset(partner, at) !== offset(policy, at))
      notes.push(words.say("when.yours", { when: fullWords(words, partner, at), zone: named(partner) }));
    const line = dayWords(words, policy, at);
    return { line, full: line, notes, at, zone: policy };
  }
  const sameDay = dayOf(at, partner) === dayOf(at, "UTC");
  const utc = sameDay ? timeWords(words, "UTC", at) : fullWords(words, "UTC", at);
  const notes =
    partner === "UTC" ? ["UTC"] : [words.say("when.timed", { zone: named(partner), offset: offset(partner, at), utc })];
  const line = fullWords(words, partner, at);
  return { line, full: `${line}, ${named(partner)}`, notes, at, zone: partner };
};

/**
 * When a change took effect ahead of its date, or without one, by its `released` event: a UTC time; null where its date says it.
 *
 * `releaseAt` is the date as accepted, and `zone` the policy's.
 */
export const releasedEarly = ({
  status,
  releasedAt,
  releaseAt,
  zone,
}: {
  status: ChangeStatus;
  releasedAt: Date | null;
  releaseAt: string | undefined;
  zone: string;
}): string | null =>
  status === "released" &&
  releasedAt &&
  (releaseAt === undefined || releasedAt < releaseInstant(releaseAt, known(zone)))
    ? releasedAt.toISOString()
    : null;

/** Whole calendar days from `now` to the moment, counted in the zone that the reader sees its day in; negative once past. */
export const daysTo = (moment: Moment, now: Date): number =>
  daysBetween(dayOf(now, moment.zone), dayOf(moment.at, moment.zone));

/**
 * A duration in words, in the units it was given in; as it stands when it is none.
 *
 * @example durationWords("P3M", wordsFor("fr")) // "3 mois"
 */
export const durationWords = (duration: string, words: Words): string => {
  const parsed = parseDuration(duration);
  if (parsed.kind === "fault") return duration;
  const { months, days, ms } = parsed.span;
  const seconds = Math.floor(ms / 1_000);
  return new Intl.DurationFormat(words.locale, { style: "long" }).format({
    months,
    days,
    hours: Math.floor(seconds / 3_600),
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
    milliseconds: ms % 1_000,
  });
};

/** A duration in words and as policies write it: `1 month (P1M)`. */
export const explainedDuration = (duration: string, words: Words): string =>
  `${durationWords(duration, words)} (${duration})`;
