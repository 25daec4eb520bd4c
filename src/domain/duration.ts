/** ISO 8601 duration, `P3M`, `P14D`, `PT10S`; with a leading minus it is an offset before the release. */
export type IsoDuration = string;

/**
 * A duration in the three units that cannot be converted into each other: a month has 28 to 31 days, a day 23 to 25
 * hours. Years are twelve months and weeks seven days; hours, minutes and seconds are exact.
 */
export type Span = { months: number; days: number; ms: number };

export type ParsedSpan = { kind: "span"; span: Span } | { kind: "fault"; fault: string };

const SHAPE =
  /^P(?:(\d{1,9})Y)?(?:(\d{1,9})M)?(?:(\d{1,9})W)?(?:(\d{1,9})D)?(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?)?$/;

/** Ten years in each unit: longer is a slip of the pen, and calendar arithmetic stays within Date's range. */
const LIMIT: Span = { months: 120, days: 3_660, ms: 3_660 * 24 * 3_600_000 };

/** What people write instead, and what to tell them; the first that fits is said. */
const MISTAKES: readonly { fits: RegExp; fault: string }[] = [
  { fits: /^$/, fault: "is empty; write P1M for a month, P14D for days, PT30S for seconds" },
  { fits: /^\+/, fault: "has a plus sign; durations carry none" },
  { fits: /^-/, fault: "has a minus sign; only the offsets of notices count backwards" },
  { fits: /^p|[a-z]/, fault: "has small letters; ISO 8601 durations are written in capitals, as P14D" },
  { fits: /^P(?!.*T).*\d[HS]$/, fault: "lacks the T before hours, minutes or seconds, as in PT10S" },
  { fits: /\d[.,]\d+[YMWDH]/, fault: "has a fraction; only seconds may have one, as PT1.5S" },
  { fits: /,/, fault: "has a comma; write the fraction with a point, as PT1.5S" },
  { fits: /\.\d{4,}S$/, fault: "is finer than a millisecond" },
  { fits: /^[^P]/, fault: "does not begin with P; write P1M, P14D or PT30S" },
];

const number = (digits: string | undefined): number => Number(digits ?? 0);

/**
 * Reads an ISO 8601 duration: years, months, weeks, days, hours, minutes and seconds, in this order; seconds to the
 * millisecond. Unsigned, more than nothing, and at most ten years; anything else comes back as a reason.
 *
 * @example parseDuration("P1M14D") // { kind: "span", span: { months: 1, days: 14, ms: 0 } }
 */
export const parseDuration = (text: string): ParsedSpan => {
  const parts = SHAPE.exec(text);
  if (parts === null || text === "P") {
    const known = MISTAKES.find((mistake) => mistake.fits.test(text));
    return { kind: "fault", fault: known?.fault ?? "is not an ISO 8601 duration; write P1M, P14D or PT30S" };
  }
  const [, years, months, weeks, days, hours, minutes, seconds] = parts;
  const span: Span = {
    months: number(years) * 12 + number(months),
    days: number(weeks) * 7 + number(days),
    ms: number(hours) * 3_600_000 + number(minutes) * 60_000 + Math.round(number(seconds) * 1_000),
  };
  if (span.months + span.days + span.ms === 0)
    return { kind: "fault", fault: "is nothing; a duration is more than zero" };
  if (span.months > LIMIT.months || span.days > LIMIT.days || span.ms > LIMIT.ms)
    return { kind: "fault", fault: "is longer than ten years" };
  return { kind: "span", span };
};

/** Reads the offset of a notice, a duration with a leading minus: so long before the release. */
export const parseOffset = (text: string): ParsedSpan =>
  text.startsWith("-")
    ? parseDuration(text.slice(1))
    : { kind: "fault", fault: "has no leading minus; offsets count back from the release, as -P14D" };

const trusted = (parsed: ParsedSpan, text: string): Span => {
  if (parsed.kind === "fault") throw new RangeError(`${text} ${parsed.fault}`);
  return parsed.span;
};

/** The span of a duration that was checked before; throws RangeError on a bug. */
export const spanOf = (duration: IsoDuration): Span => trusted(parseDuration(duration), duration);

/** The span of an offset that was checked before (`-P14D` → 14 days); throws RangeError on a bug. */
export const offsetSpan = (offset: IsoDuration): Span => trusted(parseOffset(offset), offset);

/**
 * A span as ISO 8601; what is parsed again is the same span. The time part is written in whole hours or else in
 * seconds, never in minutes: beside P1M, a PT1M reads as a month.
 *
 * @example formatDuration({ months: 0, days: 0, ms: 9_333 }) // "PT9.333S"
 */
export const formatDuration = ({ months, days, ms }: Span): IsoDuration => {
  const time = ms % 3_600_000 === 0 ? `${ms / 3_600_000}H` : `${ms / 1_000}S`;
  return `P${months > 0 ? `${months}M` : ""}${days > 0 ? `${days}D` : ""}${ms > 0 ? `T${time}` : ""}`;
};

/** Whether a span has hours, minutes or seconds, and so names an instant rather than a calendar day. */
export const hasTime = (span: Span): boolean => span.ms > 0;

/**
 * The milliseconds of a duration that stands for elapsed time, as a retry's gap or a time-out: a day is 24 hours.
 * Throws RangeError for months, whose length depends on when they begin.
 */
export const elapsedMs = (duration: IsoDuration): number => {
  const { months, days, ms } = spanOf(duration);
  if (months > 0) throw new RangeError(`${duration} has months, which are no fixed time`);
  return days * 24 * 3_600_000 + ms;
};
