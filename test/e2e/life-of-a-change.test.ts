import assert from "node:assert/strict";
import { test } from "node:test";
import ICAL from "ical.js";
import { DEFAULT_POLICY, type Policy } from "../../src/domain/policy.ts";
import type { Mail } from "../support/mailbox.ts";
import type { Received } from "../support/receiver.ts";
import { type Site, startSite } from "../support/site.ts";
import { until } from "../support/until.ts";

const OLD_TITLE = "Tokens expire after an hour";
const NEW_TITLE = "Tokens expire after three hours";

/** Exact offsets, so far apart that a slow machine's reminder is not overtaken by what follows it. */
const compressed: Policy = {
  ...DEFAULT_POLICY,
  escalateAt: "-PT20S",
  onRelease: true,
  categories: {
    ...DEFAULT_POLICY.categories,
    major: { minimumNotice: "PT1S", notices: ["announcement", "-PT20S", "-PT8S"] },
  },
};
/** From bringing the date forward until the release: time to tell it, then both reminders. */
const AHEAD_MS = 45_000;

/** The dates of the change, in the order in which they were true; LAST is an instant that the test sets. */
const FIRST = "2031-03-01";
const SECOND = "2031-06-10";
const THIRD = "2031-09-01";
const LAST = "LAST";

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
const STORY: Record<string, { subject: string; told: Told[] }> = {
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
  [FIRST]: { en: "Saturday, 1 March 2031", fr: "samedi 1 mars 2031" },
  [SECOND]: { en: "Tuesday, 10 June 2031", fr: "mardi 10 juin 2031" },
  [THIRD]: { en: "Monday, 1 September 2031", fr: "lundi 1 septembre 2031" },
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

const checkMails = (partner: string, mails: readonly Mail[], last: string): void => {
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

const checkWebhooks = (
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

/** One date everywhere: feeds, calendars and pages say `date`, and no earlier one outside of the history. */
const checkRecord = async (
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

test("a change is announced, amended, postponed twice, brought forward and released, and each partner is told its part of it", async () => {
  const site = await startSite({ running: true, policy: compressed, contact: "team@provider.example" });
  const secrets: Record<string, string> = {};
  const join = async (partner: string, locale = "en"): Promise<void> => {
    secrets[partner] = await site.addPartner(partner, ["email", "webhook"], { locale });
  };
  /** Resolves when each of these partners has had its next notice by both channels. */
  const heard = async (counts: Record<string, number>, deadlineMs = 30_000): Promise<void> => {
    for (const [partner, count] of Object.entries(counts)) {
      await site.mailbox.waitFor(count, { to: `${partner}@partner.example`, deadlineMs });
      await site.receiver.waitFor(count, { path: `/${partner}`, deadlineMs });
    }
    await site.quiet();
  };
  const edits: string[] = [];
  const record = async (date: string, title: string, sequence: number, last = ""): Promise<void> => {
    edits.push(await checkRecord(site, { date, title, sequence, last }));
  };
  const press = async (partner: string, form: Record<string, string>): Promise<void> => {
    const answer = await site.post(`${site.pageOf(partner, "CHG-1042")}/acknowledgements`, form);
    assert.equal(answer.status, 303, `${partner} is heard`);
  };

  await site.addService("oauth");
  await join("anna");
  await join("bruno", "fr");
  await join("carl");
  await site.sql.query(
    "INSERT INTO endpoints (partner, channel, address, role) SELECT partner, 'email', 'boss@' || partner || '.example', 'escalation' FROM partners",
  );

  await site.announce({
    change: "CHG-1042",
    category: "major",
    service: "oauth",
    title: OLD_TITLE,
    details: "One.\n\nTwo.",
    releaseAt: FIRST,
  });
  await heard({ anna: 1, bruno: 1, carl: 1 });
  await record(FIRST, OLD_TITLE, 0);

  await site.say("updated", { change: "CHG-1042", title: NEW_TITLE, details: "One.\n\nThree." });
  await heard({ anna: 2, bruno: 2, carl: 2 });
  await record(FIRST, NEW_TITLE, 0);

  await site.say("updated", { change: "CHG-1042", releaseAt: SECOND, reason: "Partners asked for time" });
  await heard({ anna: 3, bruno: 3, carl: 3 });
  await record(SECOND, NEW_TITLE, 1);

  await site.sql.query("UPDATE partners SET left_at = now() WHERE partner = 'carl'");
  await join("dora");
  await heard({ dora: 1 });

  await site.say("updated", { change: "CHG-1042", releaseAt: THIRD, reason: "More time" });
  await heard({ anna: 4, bruno: 4, dora: 2 });
  await record(THIRD, NEW_TITLE, 2);
  await press("anna", { status: "ready", revision: "4" });

  // Calendars know whole seconds.
  const last = new Date(Math.ceil((Date.now() + AHEAD_MS) / 1_000) * 1_000).toISOString();
  await site.say("updated", { change: "CHG-1042", releaseAt: last, reason: "A vulnerability" });
  await heard({ anna: 5, bruno: 5, dora: 3 });
  await press("dora", { status: "ready", revision: "5" });
  await record(LAST, NEW_TITLE, 3, last);

  await heard({ anna: 8, bruno: 8, dora: 5 }, AHEAD_MS + 30_000);
  await until(
    async () =>
      (await site.sql.query("SELECT FROM changes WHERE status = 'released' AND released_by = 'schedule'")).rowCount,
    { what: "the schedule has released it", deadlineMs: 30_000 },
  );
  await record(LAST, NEW_TITLE, 3, last);

  for (const partner of Object.keys(STORY)) {
    checkMails(partner, site.mailbox.to(`${partner}@partner.example`), last);
    checkWebhooks(partner, site.receiver.at(`/${partner}`), { site, secret: secrets[partner] ?? "", last });
  }
  // Feeds move their time with each of the five revisions, and only then.
  assert.deepEqual([new Set(edits.slice(0, 5)).size, edits[5] === edits[4]], [5, true]);

  // Only the silent one's second contact was called on, once, and the provider has one list of the silent.
  const [called, ...more] = site.mailbox.to("boss@bruno.example");
  assert.equal(called?.parsed.subject, `[CHG-1042] ${NEW_TITLE}`);
  assert.equal(more.length, 0);
  for (const partner of ["anna", "carl"]) assert.equal(site.mailbox.to(`boss@${partner}.example`).length, 0, partner);
  const listed = await site.mailbox.waitFor(1, { to: "team@provider.example" });
  assert.deepEqual(
    listed.map(({ parsed }) => parsed.text?.match(/^- \w+/gm)),
    [["- bruno"]],
  );
  // Nothing else was sent to anybody.
  assert.equal(site.mailbox.mails.length, 8 + 8 + 3 + 5 + 1 + 1);
  assert.equal(site.receiver.received.length, 8 + 8 + 3 + 5);
});
