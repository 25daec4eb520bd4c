import sanitizeHtml from "sanitize-html";
import type { ChangeView, NoticeView } from "../ledger/change-views.ts";
import type { DeliveryView } from "../ledger/delivery-views.ts";
import type { PartnerRow } from "../ledger/partners.ts";
import { noticeView } from "../render/notice-view.ts";
import { durationWords } from "../render/release-words.ts";
import { type WordKey, type Words, wordsFor } from "../render/words.ts";
import { pageWords } from "./page-words.ts";

export type ChangePageInput = {
  view: ChangeView;
  /** Why the latest revision moved or cancelled it. */
  reason: string | null;
  /** The service's title. */
  service: string;
  notices: readonly NoticeView[];
  /** What was or will be sent to this partner. */
  deliveries: readonly DeliveryView[];
  partner: PartnerRow;
  now: Date;
};

/** Mails need a style on every tag; a page has its sheet, and its policy lets no other style in. */
const unstyled = (html: string): string =>
  sanitizeHtml(html, { allowedAttributes: { a: ["href", "target", "rel"] }, nestingLimit: 60 });

const short = (words: Words, zone: string, at: Date): string =>
  new Intl.DateTimeFormat(words.locale, { timeZone: zone, dateStyle: "medium", timeStyle: "short" }).format(at);

const offsetWords = ({ kind, offset }: NoticeView, words: Words): string => {
  const name = words.say(`eyebrow.${kind}` satisfies WordKey);
  if (offset === null) return name;
  return `${name}, ${durationWords(offset.replace(/^-/, ""), words)} ${pageWords(words.language).before}`;
};

const planRows = ({ notices, deliveries, partner, now }: ChangePageInput, words: Words) => {
  const say = pageWords(words.language);
  const stateOf = (notice: NoticeView): { sent: boolean; state: string } => {
    const own = deliveries.filter((delivery) => delivery.noticeNo === notice.no);
    const sent = own.flatMap(({ sentAt }) => (sentAt ? [sentAt] : [])).toSorted((a, b) => a.getTime() - b.getTime())[0];
    if (sent) return { sent: true, state: `${say.sent} ${short(words, partner.timeZone, sent)}` };
    if (own.some((delivery) => delivery.status === "waiting")) return { sent: false, state: say.sending };
    return { sent: false, state: notice.status === "planned" && notice.dueAt > now ? say.planned : say.past };
  };
  return notices
    .map((notice) => ({ notice, ...stateOf(notice) }))
    .filter(({ notice, sent }) => sent || ["planned", "sending", "done"].includes(notice.status))
    .toSorted((a, b) => a.notice.dueAt.getTime() - b.notice.dueAt.getTime())
    .map(({ notice, sent, state }) => ({
      when: short(words, partner.timeZone, notice.dueAt),
      what: offsetWords(notice, words),
      sent,
      state,
    }));
};

/** What the page of a change shows one partner, in its language and on its clock. */
export const changePage = (input: ChangePageInput): object => {
  const { view, partner, now } = input;
  const words = wordsFor(partner.locale);
  const zones = { partner: partner.timeZone, policy: view.policyZone };
  const notice = noticeView({
    content: {
      // The page says what an announcement would, as of now.
      notice: {
        no: 0,
        id: view.change,
        kind: view.status === "cancelled" ? "cancelled" : "announcement",
        offset: null,
        lane: "routine",
        dueAt: now.toISOString(),
      },
      change: { ...view.state, status: view.status },
      previous: {},
      reason: input.reason,
      sequence: 0,
      verdict: view.verdict,
      policyZone: view.policyZone,
    },
    zones,
    words,
    now,
  });
  const say = pageWords(words.language);
  return {
    language: words.language,
    notice,
    status: say.status[view.status],
    details: notice.detailsHtml === null ? null : unstyled(notice.detailsHtml),
    service: input.service,
    plan: planRows(input, words),
    words: { ...say, zone: `${say.zone} ${partner.timeZone.replaceAll("_", " ")}` },
    partner: partner.name,
    revision: view.revision,
  };
};
