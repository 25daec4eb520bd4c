import type { Category } from "../domain/category.ts";
import type { NoticeKind } from "../domain/notice.ts";
import type { NoticeContent } from "../senders/sender.ts";
import { daysTo, durationWords, type Moment, momentOf, releasedEarly, type Zones } from "./release-words.ts";
import type { WordKey, Words } from "./words.ts";

/** What a notice is read against: its content, the reader's zones and language, and the time of reading. */
export type Scene = { content: NoticeContent; zones: Zones; words: Words; now: Date };

/** Where the release is for the reader: `none` when the change has no date. */
export type Phase = "ahead" | "past" | "none";
/** `planned` is the date that a release came before; null: it came as planned, or has not come. */
export type Standing = { release: Moment | null; planned: Moment | null; phase: Phase; days: number };

/** Kinds of notice for which the promised minimum is still to be judged by the reader. */
const TELLS_SHORTFALL: ReadonlySet<NoticeKind> = new Set(["announcement", "rescheduled", "reclassified"]);

const CATEGORY_WORDS: Readonly<Record<Category, WordKey>> = {
  normal: "category.normal",
  major: "category.major",
  emergency: "category.emergency",
};

/** A category in words; null for what is none, so that a former value from the ledger needs no trust. */
export const categoryWords = (category: unknown, words: Words): string | null =>
  typeof category === "string" && Object.hasOwn(CATEGORY_WORDS, category)
    ? words.say(CATEGORY_WORDS[category as Category])
    : null;

const earlyRelease = ({ change, releasedAt, policyZone }: NoticeContent): string | null =>
  change &&
  releasedEarly({
    status: change.status,
    releasedAt: releasedAt === null ? null : new Date(releasedAt),
    releaseAt: change.fields.releaseAt,
    zone: policyZone,
  });

export const standingOf = ({ content, zones, words, now }: Scene): Standing => {
  const releaseAt = content.change?.fields.releaseAt;
  const planned = releaseAt ? momentOf(releaseAt, zones, words) : null;
  const early = earlyRelease(content);
  const release = early ? momentOf(early, zones, words) : planned;
  if (!release) return { release, planned: null, phase: "none", days: 0 };
  return {
    release,
    planned: early ? planned : null,
    phase: release.at > now ? "ahead" : "past",
    days: daysTo(release, now),
  };
};

/** `in 14 days`, `tomorrow`, `today`; null once it is past, and without a date. */
export const leftWords = ({ phase, days }: Standing, words: Words): string | null => {
  if (phase !== "ahead") return null;
  if (days <= 0) return words.say("left.today");
  return days === 1 ? words.say("left.tomorrow") : words.say("left.days", { count: days });
};

type Lead = (scene: Scene, standing: Standing) => string;
const fixed =
  (kind: Exclude<NoticeKind, "announcement" | "reminder" | "reclassified">): Lead =>
  ({ words }) =>
    words.say(`lead.${kind}`);

const LEADS: Readonly<Record<NoticeKind, Lead>> = {
  announcement: ({ content, words }, { phase }) =>
    content.change?.fields.category === "emergency" && phase !== "past"
      ? words.say("lead.announcement.emergency")
      : words.say(`lead.announcement.${phase}`),
  reminder: ({ words }, standing) =>
    standing.phase === "ahead" && standing.days <= 0
      ? words.say("lead.reminder.today")
      : words.say(`lead.reminder.${standing.phase}`, { left: leftWords(standing, words) ?? "" }),
  rescheduled: ({ content, words, zones }, { release }) => {
    const before = content.previous["releaseAt"];
    if (typeof before !== "string" || !release) return words.say("lead.rescheduled");
    const later = release.at > momentOf(before, zones, words).at;
    return words.say(later ? "lead.rescheduled.later" : "lead.rescheduled.earlier");
  },
  reclassified: ({ content, words }) => {
    const category = categoryWords(content.change?.fields.category, words);
    const former = categoryWords(content.previous["category"], words);
    return category && former
      ? words.say("lead.reclassified", { category, former })
      : words.say("lead.reclassified.plain");
  },
  amended: fixed("amended"),
  cancelled: fixed("cancelled"),
  released: fixed("released"),
  test: fixed("test"),
  "endpoint-disabled": fixed("endpoint-disabled"),
};

/** The first sentence: what has happened, and why the reader hears of it now. */
export const leadOf: Lead = (scene, standing) => LEADS[scene.content.notice.kind](scene, standing);

/** The honest sentence when the notice is shorter than the policy promises; null when it is not, or nobody is told of it now. */
export const shortfallOf = (scene: Scene, standing: Standing): string | null => {
  const { content, zones, words } = scene;
  const verdict = content.verdict;
  if (verdict?.status !== "short" || verdict.minimum === null || !TELLS_SHORTFALL.has(content.notice.kind)) return null;
  const minimum = durationWords(verdict.minimum, words);
  if (standing.phase === "past") return words.say("short.past", { minimum });
  if (verdict.earliestRelease === null || verdict.shortByDays < 1) return words.say("short.plain", { minimum });
  const earliest = momentOf(verdict.earliestRelease, zones, words).full;
  return words.say("short.by", { minimum, count: verdict.shortByDays, earliest });
};
