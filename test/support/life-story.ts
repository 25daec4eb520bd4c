import assert from "node:assert/strict";
import ICAL from "ical.js";
import type { Mail } from "./mailbox.ts";
import type { Received } from "./receiver.ts";
import type { Site } from "./site.ts";

export const OLD_TITLE = "Tokens expire after an hour";
export const NEW_TITLE = "Tokens expire after three hours";

/** The dates of the change, in the order in which they were true; LAST is an instant that the test sets. */
export const FIRST = "2031-03-01";
export const SECOND = "2031-06-10";
export const THIRD = "2031-09-01";
export const LAST = "LAST";

/** What one partner is told, once by mail and once by webhook: kind, revision, date, SEQUENCE of the entry, what differs. */
type Told = [kind: string, revision: number, releaseAt: string, sequence: number, previous: Record<string, unknown>];

const AMENDED: Told = ["amended", 2, FIRST, 0, { title: OLD_TITLE, details: "One.\n\nTwo." }];
const MOVED: Told = ["rescheduled", 3, SECOND, 1, { releaseAt: FIRST }];
const MOVED_AGAIN: Told = ["rescheduled", 4, THIRD, 2, { releaseAt: SECOND }];
const FORWARD: Told = ["rescheduled", 5, LAST, 3, { releaseAt: THIRD }];
const EARLY: Told = ["reminder-PT20S", 5, LAST, 3, {}];
const LATE: Told = ["reminder-PT8S", 5, LAST, 3, {}];
const RELEASED: Told = ["released", 5, LAST, 3, {}];

/** The whole story, by hand: each partner's mails and webhooks in order, under one subject. */
export const STORY: Record<string, { subject: string; told: Told[] }> = {
  // Said ready of the third date; bringing it forward took that back.
  anna: {
    subject: `[CHG-1042] ${OLD_TITLE}`,
    told: [["announcement", 1, FIRST, 0, {}], AMENDED, MOVED, MOVED_AGAIN, FORWARD, EARLY, LATE, RELEASED],
  },
  // Silent throughout, in French.
  bruno: {
    subject: `[CHG-1042] ${OLD_TITLE}`,
    told: [["announcement", 1, FIRST, 0, {}], AMENDED, MOVED, MOVED_AGAIN, FORWARD, EARLY, LATE, RELEASED],
  },
  // Left after the first move.
  carl: { subject: `[CHG-1042] ${OLD_TITLE}`, told: [["announcement", 1, FIRST, 0, {}], AMENDED, MOVED] },
  // Joined after it; ready of the last date, and so spared the first reminder.
  dora: {
    subject: `[CHG-1042] ${NEW_TITLE}`,
    told: [["announcement", 3, SECOND, 1, {}], MOVED_AGAIN, FORWARD, LATE, RELEASED],
  },
};

/** How mails write each date, and pages and feeds in English. */
const WRITTEN: Record<string, { en: string; fr: string }> = {
  [FIRST]: { en: "Saturday, 1 March 2031", fr: "samedi 1er mars 2031" },
  [SECOND]: { en: "Tuesday, 10 June 2031", fr: "mardi 10 juin 2031" },
  [THIRD]: { en: "Monday, 1 September 2031", fr: "lundi 1er septembre 2031" },
};
const LANGUAGE: Record<string, "en" | "fr"> = { anna: "en", bruno: "fr", carl: "en", dora: "en" };

type Entry = { uid: string; method: string; start: string; sequence: number; status: string; summary: string };

const entriesOf = (calendar: string): Entry[] => {
  const root = new ICAL.Component(ICAL.parse(calendar) as unknown[]);
  return root.getAllSubcomponents("vevent").map((event) => {
    const start = event.getFirstPropertyValue("dtstart") as ICAL.Time;
    return {
      uid: String(event.getFirstPropertyValue("uid")),
      method: String(root.getFirstPropertyValue("method")),
      start: start.isDate ? start.toString() : start.toJSDate().toISOString(),
      sequence: Number(event.getFirstPropertyValue("sequence")),
      status: String(event.getFirstPropertyValue("status")),
      summary: String(event.getFirstPropertyValue("summary")),
    };
  });
};

const inMail = ({ parsed }: Mail): Entry | undefined => {
  const part = parsed.attachments.find(({ mimeType }) => mimeType === "text/calendar");
  if (!part) return undefined;
  const { content } = part;
  return entriesOf(typeof content === "string" ? content : new TextDecoder().decode(content))[0];
};

const entry = (rest: Pick<Entry, "method" | "start" | "sequence" | "summary">): Entry => ({
  uid: "CHG-1042@127.0.0.1",
  status: "CONFIRMED",
  ...rest,
});

const titleAt = (revision: number): string => (revision === 1 ? OLD_TITLE : NEW_TITLE);
const isoOf = (date: string, last: string): string => (date === LAST ? last : date);

/** Each of the partner's mails says what the story has at its place, and nothing of another date. */
export const checkMails = (partner: string, mails: readonly Mail[], last: string): void => {
  const { subject, told } = STORY[partner] ?? assert.fail(partner);
  const language = LANGUAGE[partner] ?? "en";
  const [root] = mails;
  assert.equal(mails.length, told.length, `${partner}'s mails`);
  for (const [at, [kind, revision, date, sequence, previous]] of told.entries()) {
    const mail = mails[at] ?? assert.fail();
    const where = `${partner}'s mail ${at + 1}`;
    const headers = new Map(mail.parsed.headers.map(({ key, value }) => [key, value]));
    assert.equal(headers.get("forewarn-notice"), `CHG-1042.r${revision}.${kind}`, where);
    assert.equal(mail.parsed.subject, subject, where);
    assert.equal(mail.parsed.inReplyTo, at === 0 ? undefined : root?.parsed.messageId, where);
    assert.deepEqual(
      inMail(mail),
      entry({
        method: "REQUEST",
        start: isoOf(date, last),
        sequence,
        summary: `${titleAt(revision)} [CHG-1042]`,
      }),
      where,
    );
    const text = mail.parsed.text ?? "";
    // What it says of dates: its own, the one that it moved from, and no other.
    const former = kind === "rescheduled" ? String(previous["releaseAt"]) : undefined;
    for (const [value, words] of Object.entries(WRITTEN))
      assert.equal(text.includes(words[language]), value === date || value === former, `${where} and ${value}`);
    if (kind === "amended") {
      assert.ok(text.includes(OLD_TITLE) && text.includes(NEW_TITLE), `${where} shows both titles`);
      assert.ok(text.includes("Two.") && text.includes("Three."), `${where} shows both paragraphs`);
    }
    assert.match(text, new RegExp(`/p/[\\w.-]+`), `${where} links to the partner's page`);
  }
};

/** The partner's webhooks say the same, and verify by its secret. */
export const checkWebhooks = (
  partner: string,
  posts: readonly Received[],
  { site, secret, last }: { site: Site; secret: string; last: string },
): void => {
  type Body = {
    type: string;
    data: {
      notice: { kind: string; offset: string | null };
      change: { revision: number; releaseAt: string; title: string };
      previous?: Record<string, unknown>;
    };
  };
  const heard = posts.map((post) => {
    const { type, data } = site.receiver.verify(post, secret) as Body;
    assert.equal(type, `forewarn.notice.${data.notice.kind}`);
    assert.equal(data.change.title, titleAt(data.change.revision));
    const kind = `${data.notice.kind}${data.notice.offset ?? ""}`;
    return [kind, data.change.revision, data.change.releaseAt, data.previous ?? {}];
  });
  const told = (STORY[partner]?.told ?? []).map(([kind, revision, date, , previous]) => [
    kind,
    revision,
    isoOf(date, last),
    previous,
  ]);
  assert.deepEqual(heard, told, `${partner}'s webhooks`);
};

/** One date everywhere: feeds, calendars and pages say `date`, and no earlier one outside of the history. Answers when the feed says that it last changed. */
export const checkRecord = async (
  site: Site,
  { date, title, sequence, last }: { date: string; title: string; sequence: number; last: string },
): Promise<string> => {
  const textOf = async (path: string): Promise<string> => {
    const answer = await site.get(path);
    assert.equal(answer.status, 200, path);
    return answer.text();
  };
  const present = (page: string): string => {
    const history = page.lastIndexOf('<ol class="timeline">');
    return history === -1 ? page : page.slice(0, history);
  };
  for (const path of ["/calendar.ics", `/p/${site.parts.keyring.calendarToken("anna")}/calendar.ics`])
    assert.deepEqual(
      entriesOf(await textOf(path)),
      [entry({ method: "PUBLISH", start: isoOf(date, last), sequence, summary: `${title} [CHG-1042]` })],
      path,
    );
  for (const path of ["/changelog", "/changelog/CHG-1042", "/changelog.atom", "/changelog.json"]) {
    const text = present(await textOf(path));
    assert.ok(text.includes(title), `${path} has the title`);
    for (const [value, { en }] of Object.entries(WRITTEN))
      assert.equal(text.includes(en), value === date, `${path} and ${value}`);
  }
  const feed = JSON.parse(await textOf("/changelog.json")) as { items: { id: string; date_modified: string }[] };
  assert.equal(feed.items.length, 1);
  const [item] = feed.items;
  assert.match(item?.id ?? "", /\/changelog\/CHG-1042$/);
  assert.ok((await textOf("/changelog.atom")).includes(`<id>${item?.id}</id>`));
  return item?.date_modified ?? "";
};
