import { createHash } from "node:crypto";
import { z } from "zod";
import { zoneName } from "./calendar.ts";
import type { Category, Lane } from "./category.ts";
import {
  formatDuration,
  type IsoDuration,
  offsetSpan,
  parseDuration,
  parseOffset,
  type Span,
  spanOf,
} from "./duration.ts";
import { type Fault, faultsOf } from "./fault.ts";

export type CategoryPolicy = {
  minimumNotice?: IsoDuration;
  /** Release no further ahead than this. */
  releaseWithin?: IsoDuration;
  /** `announcement`, or offsets from the release date. Empty: the category tells nobody. */
  notices: string[];
  lane?: Lane;
};

/** INTERFACE: "Policy file". Every field is present once defaults are filled in. */
export type Policy = {
  timeZone: string;
  /** `HH:MM` wall clock in `timeZone` for offsets of whole days or months. */
  sendAt: string;
  categories: Record<Category | "majorCritical", CategoryPolicy>;
  retries: { webhook: IsoDuration[]; email: IsoDuration[] };
  disableAfter: IsoDuration;
  /** Offset at which partners who have said nothing are escalated once, where the category demands a minimum. */
  escalateAt: IsoDuration;
  /** Weekdays on which no reminder arrives: it goes out on the day before that is none. */
  heldDays: string[];
  onRelease: boolean;
  timeouts: { webhook: IsoDuration; email: IsoDuration };
};

/** The entry of `notices` that is no offset: told as soon as it is accepted. */
export const ANNOUNCEMENT = "announcement";

export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

/** The policy that a file replaces parts of. */
export const DEFAULT_POLICY: Policy = {
  timeZone: "Europe/Paris",
  sendAt: "09:00",
  categories: {
    normal: { notices: [] },
    major: { minimumNotice: "P1M", notices: [ANNOUNCEMENT, "-P1M", "-P14D", "-P7D", "-P1D"] },
    majorCritical: {
      minimumNotice: "P3M",
      notices: [ANNOUNCEMENT, "-P3M", "-P2M", "-P1M", "-P14D", "-P7D", "-P1D"],
    },
    emergency: { releaseWithin: "P14D", notices: [ANNOUNCEMENT, "-P1D"], lane: "urgent" },
  },
  retries: {
    webhook: ["PT5S", "PT5M", "PT30M", "PT2H", "PT5H", "PT10H", "PT14H", "PT20H", "PT24H"],
    email: ["PT1M", "PT5M", "PT15M", "PT1H", "PT4H", "PT12H", "PT24H", "PT24H"],
  },
  disableAfter: "P5D",
  escalateAt: "-P14D",
  heldDays: ["Saturday", "Sunday"],
  onRelease: false,
  timeouts: { webhook: "PT15S", email: "PT15S" },
};

const duration = (kind: "calendar" | "elapsed", longestMs = Number.POSITIVE_INFINITY) =>
  z.string("is not text; write a duration as P1M, P14D or PT30S").superRefine((text, ctx) => {
    const parsed = parseDuration(text);
    const says = (message: string) => ctx.addIssue({ code: "custom", message });
    if (parsed.kind === "fault") says(parsed.fault);
    else if (kind === "elapsed" && parsed.span.months > 0)
      says("has years or months, which are no fixed time; use days, hours, minutes or seconds");
    else if (parsed.span.days > 0 ? longestMs < Number.POSITIVE_INFINITY : parsed.span.ms > longestMs)
      says(`is longer than ${longestMs / 60_000} minutes; a slow partner would hold a sender's slot`);
  });

const spanKey = ({ months, days, ms }: Span): string => `${months} ${days} ${ms}`;

/** Every entry's own fault, and the repetitions: two spellings of one offset would be one reminder sent twice. */
const notices = z
  .array(z.unknown(), "is not a list; write announcement and offsets, as -P14D")
  .superRefine((list, ctx) => {
    const seen = new Map<string, number>();
    for (const [at, entry] of list.entries()) {
      const says = (message: string) => ctx.addIssue({ code: "custom", path: [at], message });
      const parsed = typeof entry === "string" && entry !== ANNOUNCEMENT ? parseOffset(entry) : null;
      if (typeof entry !== "string") says("is not text; write announcement or an offset, as -P14D");
      else if (parsed?.kind === "fault") says(`${parsed.fault}; or write ${ANNOUNCEMENT}`);
      else {
        const key = parsed === null ? ANNOUNCEMENT : spanKey(parsed.span);
        const first = seen.get(key);
        if (first === undefined) seen.set(key, at);
        else says(`repeats notices[${first}]; name each offset once`);
      }
    }
  });

const categoryPolicy = z.strictObject(
  {
    minimumNotice: duration("calendar").optional(),
    releaseWithin: duration("calendar").optional(),
    notices: notices.optional(),
    lane: z.enum(["urgent", "routine"], "is not a lane; write urgent or routine").optional(),
  },
  "is not an object; write { minimumNotice, notices, … }",
);

const perChannel = <S extends z.ZodType>(value: S) =>
  z.strictObject({ webhook: value.optional(), email: value.optional() }, "is not an object; write { webhook, email }");

/** A policy file (INTERFACE: "Policy file"): whichever parts differ from the default; nothing unknown. */
export const policySchema = z.strictObject(
  {
    timeZone: z
      .string("is not text; use an IANA name such as Europe/Paris")
      .refine(
        (text) => zoneName(text) !== null,
        "is not a time zone that is known here; use an IANA name such as Europe/Paris",
      )
      .overwrite((text) => zoneName(text) ?? text)
      .optional(),
    sendAt: z
      .string("is not text; write a time of day as 09:00")
      .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "is not a time of day; write it as 09:00")
      .optional(),
    categories: z
      .strictObject(
        {
          normal: categoryPolicy.optional(),
          major: categoryPolicy.optional(),
          majorCritical: categoryPolicy.optional(),
          emergency: categoryPolicy.optional(),
        },
        "is not an object; write { major: { … }, … }",
      )
      .optional(),
    retries: perChannel(z.array(duration("elapsed"), "is not a list; write durations, as PT5M")).optional(),
    disableAfter: duration("elapsed").optional(),
    escalateAt: z
      .string("is not text; write an offset, as -P14D")
      .superRefine((text, ctx) => {
        const parsed = parseOffset(text);
        if (parsed.kind === "fault") ctx.addIssue({ code: "custom", message: parsed.fault });
      })
      .optional(),
    heldDays: z
      .array(z.enum(WEEKDAYS, `is not a day of the week; write one of ${WEEKDAYS.join(", ")}`), "is not a list of days")
      .max(6, "holds every day of the week, so nothing would ever be sent; leave one out")
      .optional(),
    onRelease: z.boolean("is neither true nor false").optional(),
    timeouts: perChannel(duration("elapsed", 300_000)).optional(),
  },
  "is not a JSON object; an empty one, {}, keeps every default",
);

const NAMES = {
  "": Object.keys(policySchema.shape),
  categories: Object.keys(DEFAULT_POLICY.categories),
  category: Object.keys(categoryPolicy.shape),
  channels: Object.keys(DEFAULT_POLICY.retries),
};

const namesAt = (path: readonly PropertyKey[]): readonly string[] => {
  if (path.length === 0) return NAMES[""];
  if (path[0] !== "categories") return NAMES.channels;
  return path.length === 1 ? NAMES.categories : NAMES.category;
};

/** What is given laid over the defaults, object by object; a list replaces the default's list as a whole. */
const over = (base: unknown, given: unknown): unknown => {
  if (given === undefined) return base;
  if (!isRecord(base) || !isRecord(given)) return given;
  const names = new Set([...Object.keys(base), ...Object.keys(given)]);
  return Object.fromEntries([...names].map((name) => [name, over(base[name], given[name])]));
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads a policy file's JSON over the defaults: the whole policy, or every fault at once. */
export const readPolicy = (json: unknown): { policy: Policy } | { faults: Fault[] } => {
  const parsed = policySchema.safeParse(json);
  return parsed.success
    ? { policy: over(DEFAULT_POLICY, parsed.data) as Policy }
    : { faults: faultsOf(parsed.error.issues, namesAt) };
};

/** Deeper than anything that is accepted, and far from where recursion ends. */
const LEVELS = 100;

const ordered = (value: unknown, levels: number): unknown => {
  if (value === null || typeof value !== "object") return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((inner: unknown) => ordered(inner, levels - 1));
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return Object.fromEntries(entries.map(([name, inner]) => [name, ordered(inner, levels - 1)]));
};

/**
 * JSON with the names of every object in order and without whitespace: equal values give equal text. What is nested
 * deeper than 100 levels, which nothing accepted is, counts as null.
 */
export const canonicalJson = (value: unknown): string => JSON.stringify(ordered(value, LEVELS)) ?? "null";

/** SHA-256 of a policy's canonical JSON, in hex: what each revision names as its governing policy. */
export const policyHash = (policy: Policy): string => createHash("sha256").update(canonicalJson(policy)).digest("hex");

const DEMANDS: Record<Category, { usual: keyof Policy["categories"]; critical: keyof Policy["categories"] }> = {
  normal: { usual: "normal", critical: "normal" },
  major: { usual: "major", critical: "majorCritical" },
  emergency: { usual: "emergency", critical: "emergency" },
};

/** What a category demands, for a business-critical change or another. */
export const demandOf = (policy: Policy, category: Category, critical: boolean): CategoryPolicy =>
  policy.categories[DEMANDS[category][critical ? "critical" : "usual"]];

/** The lane on which a change's notices travel; routine unless the policy says otherwise. */
export const laneOf = (policy: Policy, category: Category, critical: boolean): Lane =>
  demandOf(policy, category, critical).lane ?? "routine";

/**
 * The same policy with its calendar compressed, so that one can watch three months pass: every offset, minimum and
 * bound becomes exact, a month `monthMs` long and a day a thirtieth of it, to the millisecond. Retries stay as they are.
 *
 * @example compressPolicy(DEFAULT_POLICY, 20_000).categories.major.notices // ["announcement", "-PT20S", "-PT9.333S", …]
 */
export const compressPolicy = (policy: Policy, monthMs: number): Policy => {
  const exact = ({ months, days, ms }: Span): IsoDuration =>
    formatDuration({ months: 0, days: 0, ms: Math.max(1, Math.round(months * monthMs + (days * monthMs) / 30 + ms)) });
  const compress = ({ minimumNotice, releaseWithin, notices, ...rest }: CategoryPolicy): CategoryPolicy => ({
    ...rest,
    ...(minimumNotice === undefined ? {} : { minimumNotice: exact(spanOf(minimumNotice)) }),
    ...(releaseWithin === undefined ? {} : { releaseWithin: exact(spanOf(releaseWithin)) }),
    // A day and 24 hours are two offsets of a policy, and may become the same one.
    notices: [...new Set(notices.map((entry) => (entry === ANNOUNCEMENT ? entry : `-${exact(offsetSpan(entry))}`)))],
  });
  const { normal, major, majorCritical, emergency } = policy.categories;
  return {
    ...policy,
    escalateAt: `-${exact(offsetSpan(policy.escalateAt))}`,
    categories: {
      normal: compress(normal),
      major: compress(major),
      majorCritical: compress(majorCritical),
      emergency: compress(emergency),
    },
  };
};
