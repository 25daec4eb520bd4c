import { differenceOf } from "../domain/merge.ts";
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
import { shownDifference, shownHistory } from "./history.ts";
import { shortMoment } from "./moments.ts";
import { sparedReminders } from "./spared.ts";

export type ChangePageInput = {
  view: RecordedChange;
  history: readonly HistoryEntry[];
  notices: readonly NoticeView[];
  /** When this partner gets those that wait for its own hour, by their number. */
  hours: ReadonlyMap<number, Date>;
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

const earliest = (dates: readonly Date[]): Date | undefined => dates.toSorted((a, b) => a.getTime() - b.getTime())[0];

/** What was, is or will be sent to this partner, at its own hour; notices that were for others only are none of its business. */
const planRows = (input: ChangePageInput, words: Words) => {
  const { notices, hours, deliveries, partner, view, now } = input;
  const spared = sparedReminders(input);
  const rowOf = (notice: NoticeView): { at: Date; sent: boolean; state: string } | null => {
    const planned = words.say(spared.has(notice.no) ? "plan.spared" : "plan.planned");
    const own = deliveries.filter((delivery) => delivery.noticeNo === notice.no);
    const at = hours.get(notice.no) ?? notice.dueAt;
    const sent = earliest(own.flatMap(({ sentAt }) => (sentAt ? [sentAt] : [])));
    if (sent)
      return { at, sent: true, state: words.say("plan.sent", { when: shortMoment(words, partner.timeZone, sent) }) };
    const waiting = own.filter((delivery) => delivery.status === "waiting");
    const due = earliest(waiting.map(({ dueAt }) => dueAt));
    if (due) {
      const untried = due > now && waiting.every(({ attempts }) => attempts === 0);
      return untried ? { at: due, sent: false, state: planned } : { at, sent: false, state: words.say("plan.sending") };
    }
    const [other] = own;
    if (other) return { at, sent: false, state: words.say(`delivery.${other.status}`) };
    // What an earlier revision still has to say ends as soon as the scheduler has planned the one that stands.
    const stands = notice.status === "planned" && notice.revision === view.revision;
    return stands && notice.dueAt > now ? { at, sent: false, state: planned } : null;
  };
  return notices
    .flatMap((notice) => {
      const row = rowOf(notice);
      return row ? [{ ...row, what: nameOf(notice, words) }] : [];
    })
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())
    .map(({ at, ...row }) => ({ ...row, when: shortMoment(words, partner.timeZone, at) }));
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
      ? shownDifference(differenceOf(told.state, view.state, view.policyZone), view.state, { words, zones })
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
