import { z } from "zod";
import { zoneName } from "../../domain/calendar.ts";
import { ID_PATTERN } from "../../domain/event.ts";

/** An id of a change, partner or service. */
export const id = (what: string) =>
  z
    .string(`is missing; give the ${what}'s id`)
    .regex(ID_PATTERN, `is not an id; use 1 to 64 letters, digits, "_" or "-"`);

/** One line of text that can stand in a mail header: no control characters, no line separators. */
export const line = (limit: number) =>
  z
    .string("is missing; give some text")
    .min(1, "is empty; give some text")
    .max(limit, `is longer than ${limit} characters; shorten it`)
    .refine(
      // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
      (text) => text.isWellFormed() && !/[\u0000-\u001f\u007f\u2028\u2029]/.test(text),
      "holds control characters or line breaks; remove them",
    )
    .refine((text) => text.trim() === text, "begins or ends with a space; remove it");

const REMEMBERED = 1_000;

/** A check that remembers its answers: making an Intl formatter takes longer than all else about a row of an import. */
const remembered = <Answer extends {} | null>(check: (text: string) => Answer): ((text: string) => Answer) => {
  const answers = new Map<string, Answer>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    if (answers.size >= REMEMBERED) answers.clear();
    const answer = check(text);
    answers.set(text, answer);
    return answer;
  };
};

const isLocale = (text: string): boolean => {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
};

const zoneNameOf = remembered(zoneName);

/** An IANA time zone, as `zoneName` keeps it. Whether PostgreSQL knows it too is asked of the ledger. */
export const zone = z
  .string("is not a time zone; example: Europe/Paris")
  .max(64, "is longer than 64 characters; use an IANA name such as Europe/Paris")
  .refine(
    (text) => zoneNameOf(text) !== null,
    "is not a time zone that is known here; use an IANA name such as Europe/Paris",
  )
  .overwrite((text) => zoneNameOf(text) ?? text);

/** A BCP 47 language tag. */
export const locale = z
  .string("is not a locale; example: en or fr-CA")
  .max(35, "is longer than 35 characters; use a tag such as en or fr-CA")
  .refine(remembered(isLocale), "is not a locale; use a BCP 47 tag such as en or fr-CA");

export const holidays = z
  .array(z.iso.date("is not a date; example: 2027-12-25"), "is not a list; give a list of dates")
  .max(1_000, "has more than 1,000 dates; shorten it");

export const subscriptions = z
  .array(
    z.string("is not a service's id").refine((text) => text === "*" || ID_PATTERN.test(text), {
      error: 'is not a service\'s id; use the id of a service, or "*" for all',
    }),
    'is not a list; give a list of services, or ["*"] for all',
  )
  .max(500, 'has more than 500 services; use ["*"] for all');

/** An ISO 8601 duration of days and hours, read as seconds. */
export const hours = (bound: string, maxSeconds: number) =>
  z
    .string("is not a duration; example: PT24H")
    .regex(
      /^P(?=[\dT])(?:\d{1,3}D)?(?:T(?=\d)(?:\d{1,4}H)?(?:\d{1,5}M)?(?:\d{1,6}S)?)?$/,
      "is not a duration; example: PT24H",
    )
    .refine((text) => secondsOf(text) <= maxSeconds, `is longer than ${bound}; use a shorter one`);

const UNIT_SECONDS = { D: 86_400, H: 3_600, M: 60, S: 1 } as const;

/** Whole seconds of a duration in days, hours, minutes and seconds: exact time, not calendar days. */
export const secondsOf = (duration: string): number =>
  [...duration.matchAll(/(\d+)([DHMS])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS],
    0,
  );

/** Times as the API answers them. */
export const instant = z.iso.datetime().describe("RFC 3339, UTC");
