import { z } from "zod";
import { parseReleaseAt } from "./calendar.ts";
import { CATEGORIES } from "./category.ts";
import type { ChangeFields } from "./change.ts";
import { type Fault, faultsOf } from "./fault.ts";
import { storageFault, type Unfit } from "./storable.ts";

/** Ids of changes, partners and services: safe in job ids, URLs, mail headers and page tokens. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

export const EVENT_KINDS = ["created", "updated", "cancelled", "released"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];
export const EVENT_TYPE_PREFIX = "forewarn.change.";

/** A change event that was read and found sound: what is left of the envelope once its syntax no longer matters. */
export type ChangeEvent = {
  source: string;
  id: string;
  /** UTC; null when the envelope names none: its acceptance counts. */
  time: string | null;
  kind: EventKind;
  change: string;
  /** Only the fields that this event sets; `null` takes an optional field away. */
  fields: { [K in keyof ChangeFields]?: ChangeFields[K] | null };
  reason: string | null;
  minor: boolean;
  releasedAt: string | null;
};

/** Text that a mail header, a JSON document and PostgreSQL can all carry: well-formed Unicode without control characters. */
const clean = (text: string, lines: "one-line" | "lines"): boolean =>
  text.isWellFormed() && !(lines === "lines" ? /[^\P{Cc}\t\n\r]/u : /[\p{Cc}\u2028\u2029]/u).test(text);

/** What is said of a value that is not there, and of one of another type. */
const unless = (missing: string, wrong: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined ? `is missing; ${missing}` : wrong),
});

/** One line of text: `what` is demanded, and absent for what may be left out. */
const line = (limit: number, what?: string) =>
  z
    .string(unless(`give ${what ?? "some text"}`, "is not text; give a string"))
    .min(1, `is empty; ${what ? `give ${what}` : "give some text or leave it out"}`)
    .max(limit, `is longer than ${limit} characters; shorten it`)
    .refine((text) => clean(text, "one-line"), "holds control characters or line breaks; remove them");

const prose = (limit: number) =>
  z
    .string("is not text; give a string")
    .max(limit, `is longer than ${limit} characters; shorten it or link to the rest`)
    .refine((text) => clean(text, "lines"), "holds control characters; remove them");

const id = (what: string) =>
  z
    .string(unless(`give the ${what}'s id`, `is not text; give the ${what}'s id as a string`))
    .regex(ID_PATTERN, `is not an id; use 1 to 64 letters, digits, "_" or "-"`);

const moment = (what: string) =>
  z.string(`is not text; give ${what} as 2027-03-01 or 2027-03-01T09:00:00+01:00`).transform((text, ctx) => {
    const read = parseReleaseAt(text);
    if (read.ok) return read.value;
    ctx.addIssue({ code: "custom", message: read.problem });
    return z.NEVER;
  });

const link = z.strictObject({
  rel: line(64, "what the link is, as sunset or documentation"),
  href: z
    .string(unless("give an absolute http(s) URL", "is not text; give an absolute http(s) URL"))
    .max(2_000, "is longer than 2,000 characters; link to a shorter address")
    .refine(
      (text) => /^https?:\/\//i.test(text) && URL.canParse(text),
      "is not a web address; give an absolute http(s) URL",
    ),
  title: line(200).optional(),
});

const flag = z.boolean("is neither true nor false; leave the quotes away");

const fields = {
  category: z.enum(
    CATEGORIES,
    unless(`give one of ${CATEGORIES.join(", ")}`, `is not a category; use one of ${CATEGORIES.join(", ")}`),
  ),
  service: id("service"),
  title: line(200, "one line that says what will be different"),
  summary: prose(2_000),
  details: prose(50_000),
  releaseAt: moment("the release"),
  testFrom: moment("the start of testing"),
  businessCritical: flag,
  action: prose(2_000),
  affects: z
    .array(line(200), "is not a list; give a list of strings")
    .max(100, "has more than 100 entries; shorten it"),
  links: z
    .array(link, "is not a list; give a list of {rel, href, title}")
    .max(50, "has more than 50 entries; shorten it"),
  contact: line(200),
};

const { category, service, title, ...optional } = fields;
/** In an update, `null` takes an optional field away; the three that every change has cannot go. */
const removable = Object.fromEntries(
  Object.entries(optional).map(([name, schema]) => [name, schema.nullable().optional()]),
) as { [K in keyof typeof optional]: z.ZodOptional<z.ZodNullable<(typeof optional)[K]>> };

const reason = line(1_000, "the reason, which partners are told");
const change = id("change");

/** The `data` of each kind of event; INTERFACE: "Events in". */
export const EVENT_DATA = {
  created: z.strictObject({ change, category, service, title, ...z.object(optional).partial().shape }),
  updated: z.strictObject({
    change,
    category: category.optional(),
    service: service.optional(),
    title: title.optional(),
    ...removable,
    reason: reason.optional(),
    minor: flag.optional(),
  }),
  cancelled: z.strictObject({ change, reason }),
  released: z.strictObject({ change, releasedAt: moment("the release").optional() }),
} satisfies Record<EventKind, z.ZodType>;

const attribute = (name: string, limit: number) =>
  z
    .string(unless(`every CloudEvents event has \`${name}\``, "is not text; give a string"))
    .min(1, `is empty; every CloudEvents event has \`${name}\``)
    .max(limit, `is longer than ${limit} characters; shorten it`)
    .refine((text) => clean(text, "one-line"), "holds control characters; remove them");

/** Carried by events of others, and read by nobody here. */
const remark = z
  .string("is not text; give a string or leave it out")
  .max(512, "is longer than 512 characters; shorten it or leave it out");

/** CloudEvents 1.0 §3.1: required and optional attributes. Extension attributes pass, by their lower-case names. */
export const ENVELOPE = z.looseObject({
  specversion: z.literal("1.0", 'is not "1.0"; Forewarn reads CloudEvents 1.0'),
  id: attribute("id", 256),
  source: attribute("source", 512),
  type: z.enum(
    EVENT_KINDS.map((kind) => `${EVENT_TYPE_PREFIX}${kind}` as const),
    `is not an event type; use ${EVENT_KINDS.map((kind) => EVENT_TYPE_PREFIX + kind).join(", ")}`,
  ),
  time: z.iso
    .datetime({ offset: true, error: "is not an RFC 3339 time with an offset; example: 2027-03-01T09:00:00Z" })
    .transform((text) => new Date(text).toISOString())
    .optional(),
  datacontenttype: z
    .string("is not text; give application/json or leave it out")
    .regex(/^application\/(?:[\w.-]+\+)?json\b/i, "is not JSON; Forewarn reads application/json data")
    .optional(),
  subject: remark.optional(),
  dataschema: remark.optional(),
  data: z.record(
    z.string(),
    z.unknown(),
    unless("give the change as a JSON object", "is not a JSON object; give the change as one"),
  ),
});

/** More faults than that are no help to anybody. */
const MOST_FAULTS = 100;

/** An event that is refused before anybody looks at what it means. */
export type Unread = { problem: Unfit["problem"]; faults: Fault[] };

const unread = (issues: readonly z.core.$ZodIssue[], known: readonly string[]): Unread => ({
  problem: "invalid",
  faults: faultsOf(issues, known).slice(0, MOST_FAULTS),
});

/**
 * Reads one CloudEvents envelope, whatever it is: `{ event }`, or every fault at once (the first hundred). What is not
 * fit to be stored is not read any further.
 *
 * Faults of the envelope carry the attribute's name as path, those of the data the field's (`releaseAt`, `links[0].href`).
 */
export const readEvent = (envelope: unknown): { event: ChangeEvent } | Unread => {
  const unfit = storageFault(envelope);
  if (unfit) return { problem: unfit.problem, faults: [unfit.fault] };
  const outer = ENVELOPE.safeParse(envelope);
  if (!outer.success) return unread(outer.error.issues, Object.keys(ENVELOPE.shape));
  const kind = outer.data.type.slice(EVENT_TYPE_PREFIX.length) as EventKind;
  const inner = EVENT_DATA[kind].safeParse(outer.data.data);
  if (!inner.success) return unread(inner.error.issues, Object.keys(EVENT_DATA[kind].shape));
  const { change, reason, minor, releasedAt, ...fields } = inner.data as Record<string, unknown> & { change: string };
  return {
    event: {
      source: outer.data.source,
      id: outer.data.id,
      time: outer.data.time ?? null,
      kind,
      change,
      fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
      reason: typeof reason === "string" ? reason : null,
      minor: minor === true,
      releasedAt: typeof releasedAt === "string" ? releasedAt : null,
    },
  };
};
