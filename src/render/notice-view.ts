import type { Change, ChangeFields, Difference } from "../domain/change.ts";
import type { NoticeKind } from "../domain/notice.ts";
import { type DifferenceRow, differenceRows, type ParagraphRow, paragraphRows } from "./difference-rows.ts";
import { renderMarkdown } from "./markdown.ts";
import { categoryWords, leadOf, leftWords, type Scene, type Standing, shortfallOf, standingOf } from "./notice-lead.ts";
import { plainBlock, plainLine } from "./plain-text.ts";
import { momentOf } from "./release-words.ts";
import { safeLink } from "./safe-link.ts";
import type { WordKey } from "./words.ts";

type Linked = { text: string; href: string | null };

/** What a notice's templates show, but for the recipient's own parts. Plain text throughout, and HTML where the name says so. */
export type NoticeView = {
  language: string;
  /** The template gives each its colours. */
  tone: "urgent" | "plain" | "over" | "done" | "warning";
  subject: string;
  eyebrow: string;
  title: string;
  lead: string;
  /** What mailboxes show beside the subject. */
  preheader: string;
  change: string | null;
  service: string | null;
  category: string | null;
  critical: string | null;
  release: {
    label: string;
    line: string;
    /** The line with the zone of its hour, for where no notes stand beside it. */
    full: string;
    notes: string[];
    left: string | null;
    formerly: string | null;
    struck: boolean;
  } | null;
  shortfall: string | null;
  reason: string | null;
  differences: DifferenceRow[];
  /** What differs in the details. */
  paragraphs: ParagraphRow[];
  summary: string[];
  detailsHtml: string | null;
  detailsText: string | null;
  action: string[];
  affects: string[];
  links: Linked[];
  testFrom: string | null;
  contact: Linked | null;
  open: string;
  /** What the page is good for, while the release is ahead. */
  hint: string | null;
  ids: string;
  words: Record<string, string>;
};

const LABELS = {
  action: "label.action",
  details: "label.details",
  affects: "label.affects",
  links: "label.links",
  testFrom: "label.testFrom",
  contact: "label.contact",
  reason: "label.reason",
  differs: "label.differs",
  before: "label.before",
  after: "label.after",
  category: "label.category",
  unsubscribe: "footer.unsubscribe",
  /** What stands between a label and its value; French has a space before it, where no line breaks. */
  colon: "colon",
} as const satisfies Record<string, WordKey>;

/** What differs since the recipient was told last, whatever the notice is; who hears of a change for the first time needs no former values. */
const tellsDifference = (kind: NoticeKind): boolean => kind !== "announcement";

const TONES: Readonly<Partial<Record<NoticeKind, NoticeView["tone"]>>> = {
  cancelled: "over",
  released: "done",
  "endpoint-disabled": "warning",
};

const textLines = (text: string | undefined): string[] => (text ? plainBlock(text).split("\n") : []);

const contactOf = (contact: string | undefined): Linked | null => {
  if (!contact) return null;
  const text = plainLine(contact);
  return { text, href: safeLink(/^[^\s@<>"?&%]+@[^\s@<>"?&%]+$/.test(text) ? `mailto:${text}` : text) };
};

const linksOf = (links: ChangeFields["links"] = []): Linked[] =>
  links.map(({ rel, href, title }) => ({ text: plainLine(title || rel || href), href: safeLink(href) }));

const releaseOf = ({ content, zones, words }: Scene, standing: Standing): NoticeView["release"] => {
  if (!standing.release) return null;
  const { kind } = content.notice;
  const cancelled = kind === "cancelled";
  const past = standing.phase === "past" ? "label.releaseAt.past" : "label.releaseAt";
  const before = tellsDifference(kind) ? content.previous["releaseAt"] : null;
  const { release, planned } = standing;
  const plan = planned ? [words.say("label.planned", { date: planned.full })] : [];
  return {
    label: words.say(cancelled ? "label.releaseAt.cancelled" : past),
    line: cancelled ? release.full : release.line,
    full: release.full,
    notes: cancelled ? [] : [...release.notes, ...plan],
    left: cancelled ? null : leftWords(standing, words),
    formerly:
      typeof before === "string" ? words.say("label.formerly", { date: momentOf(before, zones, words).full }) : null,
    struck: cancelled,
  };
};

const idsOf = ({ content, words }: Scene): string =>
  content.change
    ? words.say("footer.ids", {
        change: content.change.change,
        revision: content.change.revision,
        notice: content.notice.id,
      })
    : words.say("footer.notice", { notice: content.notice.id });

const titleOf = ({ content, words }: Scene): string => {
  if (content.change) return plainLine(content.change.fields.title);
  return words.say(content.notice.kind === "endpoint-disabled" ? "title.endpoint-disabled" : "title.test");
};

/** What a mail of `change` is filed under, where its thread began under `title`. */
export const subjectOf = ({ change }: Pick<Change, "change">, title: string): string =>
  `[${change}] ${plainLine(title)}`;

/** What is left to list once the release box has told of the former date. */
const besides = (previous: Difference, release: NoticeView["release"]): Difference =>
  release?.formerly
    ? Object.fromEntries(Object.entries(previous).filter(([field]) => field !== "releaseAt"))
    : previous;

/** The same for every recipient who shares the language, the zone and the day of reading. */
export const noticeView = (scene: Scene): NoticeView => {
  const { content, zones, words } = scene;
  const { notice, change, previous } = content;
  const standing = standingOf(scene);
  const fields = change?.fields;
  const differing = tellsDifference(notice.kind) ? change : null;
  // A cancelled change asks nothing of anyone any more.
  const live = notice.kind !== "cancelled";
  const title = titleOf(scene);
  const lead = leadOf(scene, standing);
  const release = releaseOf(scene, standing);
  return {
    language: words.language,
    tone: TONES[notice.kind] ?? (fields?.category === "emergency" ? "urgent" : "plain"),
    subject: change ? subjectOf(change, title) : `[Forewarn] ${title}`,
    eyebrow: words.say(`eyebrow.${notice.kind}`),
    title,
    lead,
    preheader: [lead, release && live ? `${release.label}${words.say("colon")} ${release.full}.` : ""].join(" ").trim(),
    change: change?.change ?? null,
    service: fields ? plainLine(content.services[fields.service] ?? fields.service) : null,
    category: categoryWords(fields?.category, words),
    critical: change?.critical ? words.say("critical") : null,
    release,
    shortfall: shortfallOf(scene, standing),
    reason: content.reason ? plainLine(content.reason) : null,
    differences: differing
      ? differenceRows(besides(previous, release), differing, { words, zones, services: content.services })
      : [],
    paragraphs: differing ? paragraphRows(previous, differing.fields, { words }) : [],
    summary: textLines(fields?.summary),
    detailsHtml: fields?.details ? renderMarkdown(fields.details) : null,
    detailsText: fields?.details ? plainBlock(fields.details) : null,
    action: live ? textLines(fields?.action) : [],
    affects: (fields?.affects ?? []).map(plainLine),
    links: linksOf(fields?.links),
    testFrom: live && fields?.testFrom ? momentOf(fields.testFrom, zones, words).full : null,
    contact: contactOf(fields?.contact),
    open: words.say(change ? "page.open" : "page.home"),
    hint: live && standing.phase === "ahead" ? words.say("page.hint") : null,
    ids: idsOf(scene),
    words: Object.fromEntries(Object.entries(LABELS).map(([name, key]) => [name, words.say(key)])),
  };
};
