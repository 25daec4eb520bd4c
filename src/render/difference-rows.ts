import type { Change, ChangeFields, Difference } from "../domain/change.ts";
import { categoryWords } from "./notice-lead.ts";
import { paragraphDiff } from "./paragraph-diff.ts";
import { clip, plainBlock, plainLine } from "./plain-text.ts";
import { momentOf, type Zones } from "./release-words.ts";
import type { WordKey, Words } from "./words.ts";

export type DifferenceRow = { label: string; before: string; after: string };

/** `services`: titles by id, where they are at hand. */
type Told = { words: Words; zones: Zones; services?: Readonly<Record<string, string>> };
type Field = { field: keyof ChangeFields; label: WordKey; tell: (value: unknown, told: Told) => string };

const LONGEST = 300;

const asLine = (value: unknown): string => clip(plainLine(String(value)), LONGEST);
const asLines = (value: string): string[] => clip(plainBlock(value), LONGEST).split("\n");
const asDate = (value: unknown, { words, zones }: Told): string => momentOf(String(value), zones, words).full;
const asList = (value: unknown): string => asLine(Array.isArray(value) ? value.join(", ") : value);
const hrefOf = (link: { href?: unknown } | null): string => (typeof link?.href === "string" ? link.href : "");
const asLinks = (value: unknown): string => (Array.isArray(value) ? asLine(value.map(hrefOf).join(", ")) : "");
const asTruth = (value: unknown, { words }: Told): string => words.say(value === true ? "value.yes" : "value.no");
const asService = (value: unknown, { services }: Told): string => {
  const id = String(value);
  return asLine(services !== undefined && Object.hasOwn(services, id) ? services[id] : id);
};
const asCategory = (value: unknown, { words }: Told): string => categoryWords(value, words) ?? asLine(value);

/** Every field that partners are told of, in the order of the mail; details are told paragraph by paragraph. */
const FIELDS: readonly Field[] = [
  { field: "title", label: "label.title", tell: asLine },
  { field: "category", label: "label.category", tell: asCategory },
  { field: "businessCritical", label: "label.critical", tell: asTruth },
  { field: "service", label: "label.service", tell: asService },
  { field: "releaseAt", label: "label.releaseAt", tell: asDate },
  { field: "testFrom", label: "label.testFrom", tell: asDate },
  { field: "summary", label: "label.summary", tell: asLine },
  { field: "action", label: "label.action", tell: asLine },
  { field: "affects", label: "label.affects", tell: asList },
  { field: "links", label: "label.links", tell: asLinks },
  { field: "contact", label: "label.contact", tell: asLine },
];

const absent = (value: unknown): boolean => value === null || value === undefined || value === "";

/** What the change demands is yes or no, also where it is silent and its service decides; silent before, it demanded the same. */
const withDemand = <F extends object>(fields: F, critical: boolean): F & { businessCritical: unknown } => ({
  ...fields,
  businessCritical: (fields as { businessCritical?: unknown }).businessCritical ?? critical,
});

/** Former and present values of what a revision changed, a row a field; `after` is the change as it is now. */
export const differenceRows = (
  previous: Difference,
  after: Pick<Change, "fields" | "critical">,
  told: Told,
): DifferenceRow[] => {
  const none = told.words.say("value.none");
  const former: Difference = withDemand(previous, after.critical);
  const present: Difference = withDemand(after.fields, after.critical);
  return FIELDS.filter(({ field }) => Object.hasOwn(previous, field)).map(({ field, label, tell }) => ({
    label: told.words.say(label),
    before: absent(former[field]) ? none : tell(former[field], told),
    after: absent(present[field]) ? none : tell(present[field], told),
  }));
};

/** A paragraph of the details that went or came, and the word for it. */
export type ParagraphRow = { kind: "removed" | "added"; label: string; lines: string[] };

/** A mail lists no more: all of the details follow in it, and their page compares the whole. */
const MOST_PARAGRAPHS = 20;

/** What a revision changed in the details, in their order; `…` stands for the rest of a long list. */
export const paragraphRows = (
  previous: Difference,
  fields: ChangeFields,
  { words }: Pick<Told, "words">,
): ParagraphRow[] => {
  if (!Object.hasOwn(previous, "details")) return [];
  const former = previous["details"];
  const rows = paragraphDiff(typeof former === "string" ? former : "", fields.details ?? "").flatMap(
    ({ kind, text }) => (kind === "same" ? [] : [{ kind, label: words.say(`history.${kind}`), lines: asLines(text) }]),
  );
  const last = rows[MOST_PARAGRAPHS];
  return last ? [...rows.slice(0, MOST_PARAGRAPHS), { ...last, lines: ["…"] }] : rows;
};
