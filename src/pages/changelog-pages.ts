import type { RecordedChange } from "../ledger/changelog.ts";
import type { HistoryEntry } from "../ledger/histories.ts";
import { lifecycleHeaders } from "../render/lifecycle-headers.ts";
import { releasedEarly } from "../render/release-words.ts";
import { type Words, wordsFor } from "../render/words.ts";
import { changeView } from "./change-view.ts";
import { shownHistory } from "./history.ts";
import { shortMoment } from "./moments.ts";

type Reading = { locale: string; now: Date; publicUrl: string };

/** The first language of an `Accept-Language` header that pages are written in; its weights are rarely out of order. */
export const preferredLocale = (header: string | undefined): string => {
  const wanted = (header ?? "").slice(0, 200).split(",");
  const found = wanted.map((one) => one.split(";")[0]?.trim() ?? "").find((one) => /^(?:en|fr)(?:-|$)/i.test(one));
  return found ?? "en";
};

const listed = (view: RecordedChange, words: Words, now: Date) => {
  const zones = { partner: view.policyZone, policy: view.policyZone };
  const { change, title, category, critical, release, summary, status, statusName, tone } = changeView(view, {
    words,
    zones,
    now,
    reason: null,
  });
  const { releaseAt } = view.state.fields;
  const { releasedAt, policyZone: zone } = view;
  return {
    change,
    title,
    category,
    critical,
    release,
    status,
    statusName,
    tone,
    releaseAt: releasedEarly({ status: view.status, releasedAt, releaseAt, zone }) ?? releaseAt,
    summary: summary[0] ?? null,
    service: view.service,
    ahead: status === "announced" || status === "recorded",
  };
};

export type ChangelogInput = { changes: readonly RecordedChange[]; next: string | null } & Reading;

/** The list of all changes: what is ahead by its date, then what is over, the latest first. */
export const changelogPage = ({ changes, next, locale, now }: ChangelogInput): object => {
  const words = wordsFor(locale);
  const rows = changes.map((view) => listed(view, words, now));
  const byDate = (a: { releaseAt: string | undefined }, b: { releaseAt: string | undefined }): number =>
    (a.releaseAt ?? "9999").localeCompare(b.releaseAt ?? "9999");
  return {
    language: words.language,
    t: words.plain,
    upcoming: rows.filter(({ ahead }) => ahead).toSorted(byDate),
    past: rows.filter(({ ahead }) => !ahead).toSorted((a, b) => byDate(b, a)),
    next,
  };
};

export type RecordPageInput = { view: RecordedChange; history: readonly HistoryEntry[] } & Reading;

/** The public page of one change, with its history and the headers that it makes due. */
export const recordPage = ({ view, history, locale, now, publicUrl }: RecordPageInput): object => {
  const words = wordsFor(locale);
  const zones = { partner: view.policyZone, policy: view.policyZone };
  const { headers, whyNot } = lifecycleHeaders(
    { ...view.state, status: view.status },
    { zone: view.policyZone, publicUrl },
  );
  return {
    language: words.language,
    t: words.plain,
    change: changeView(view, { words, zones, now, reason: history.at(-1)?.reason ?? null }),
    service: view.service,
    headers,
    whyNot: whyNot === null ? null : words.say(whyNot),
    history: shownHistory(history, { words, zones }),
    revisionName: words.say("history.revision", { revision: view.revision }),
    recorded: words.say("page.print", {
      when: shortMoment(words, view.policyZone, view.revisedAt),
      zone: view.policyZone.replaceAll("_", " "),
    }),
  };
};
