import type { Acknowledgement } from "../ledger/acknowledgements.ts";
import type { NoticeView } from "../ledger/change-views.ts";
import type { RecordedChange } from "../ledger/changelog.ts";
import type { DeliveryView } from "../ledger/delivery-views.ts";
import type { HistoryEntry } from "../ledger/histories.ts";
import type { PartnerRow } from "../ledger/partners.ts";
import { plainBlock, plainLine } from "../render/plain-text.ts";
import { changelogPage } from "../render/public-links.ts";
import { durationWords, type Zones } from "../render/release-words.ts";
import { type WordKey, type Words, wordsFor } from "../render/words.ts";
import { changeView } from "./change-view.ts";
import { differenceOf, shownDifference, shownHistory } from "./history.ts";
import { shortMoment } from "./moments.ts";

export type ChangePageInput = {
  view: RecordedChange;
  history: readonly HistoryEntry[];
  notices: readonly NoticeView[];
  /** What was or will be sent to this partner. */
  deliveries: readonly DeliveryView[];
  /** The partner's last word. */
  answer: Acknowledgement | null;
  partner: PartnerRow;
  /** The page's own, so that its forms come back to it. */
  token: string;
  publicUrl: string;
  now: Date;
};

/** `Reminder, 14 days before`. */
const nameOf = ({ kind, offset }: NoticeView, words: Words): string => {
  const name = words.say(`eyebrow.${kind}` satisfies WordKey);
  return offset === null
    ? name
    : words.say("plan.before", { name, duration: durationWords(offset.replace(/^-/, ""), words) });
};

/** What was, is or will be sent to this partner; notices that were for others only are none of its business. */
const planRows = ({ notices, deliveries, partner, now }: ChangePageInput, words: Words) => {
  const stateOf = (notice: NoticeView): { sent: boolean; state: string } | null => {
    const own = deliveries.filter((delivery) => delivery.noticeNo === notice.no);
    const sent = own.flatMap(({ sentAt }) => (sentAt ? [sentAt] : [])).toSorted((a, b) => a.getTime() - b.getTime())[0];
    if (sent)
      return { sent: true, state: words.say("plan.sent", { when: shortMoment(words, partner.timeZone, sent) }) };
    if (own.some((delivery) => delivery.status === "waiting")) return { sent: false, state: words.say("plan.sending") };
    const [other] = own;
    if (other) return { sent: false, state: words.say(`delivery.${other.status}`) };
    return notice.status === "planned" && notice.dueAt > now ? { sent: false, state: words.say("plan.planned") } : null;
  };
  return notices
    .toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())
    .flatMap((notice) => {
      const state = stateOf(notice);
      if (!state) return [];
      return [{ when: shortMoment(words, partner.timeZone, notice.dueAt), what: nameOf(notice, words), ...state }];
    });
};

/** What the partner said last, and what has changed since where it said it of an older revision. */
const answerView = ({ answer, view, history, partner }: ChangePageInput, words: Words, zones: Zones) => {
  if (!answer) return null;
  const told = history.find((entry) => entry.revision === answer.revision);
  const outdated = answer.revision < view.revision && told !== undefined;
  return {
    status: answer.status,
    said: words.say(`answer.said.${answer.status}`, { when: shortMoment(words, partner.timeZone, answer.at) }),
    by: words.say("answer.by", { name: plainLine(answer.by) }),
    note: answer.note === null ? [] : plainBlock(answer.note).split("\n"),
    outdated: outdated ? words.say("answer.outdated", { revision: answer.revision }) : null,
    since: outdated
      ? shownDifference(differenceOf(told.state.fields, view.state.fields), view.state.fields, { words, zones })
      : null,
  };
};

/** What the page of a change shows one partner, in its language and on its clock. */
export const changePage = (input: ChangePageInput): object => {
  const { view, partner, history, now, token } = input;
  const words = wordsFor(partner.locale);
  const zones = { partner: partner.timeZone, policy: view.policyZone };
  return {
    language: words.language,
    t: words.plain,
    change: changeView(view, { words, zones, now, reason: history.at(-1)?.reason ?? null }),
    service: view.service,
    answer: answerView(input, words, zones),
    answerable: view.status !== "cancelled",
    history: shownHistory(history, { words, zones }),
    plan: planRows(input, words),
    zone: words.say("plan.zone", { zone: partner.timeZone.replaceAll("_", " ") }),
    for: words.say("page.for", { name: plainLine(partner.name) }),
    revision: view.revision,
    revisionName: words.say("history.revision", { revision: view.revision }),
    publicPage: changelogPage(input.publicUrl, view.change),
    token,
  };
};
