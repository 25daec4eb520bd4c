import assert from "node:assert/strict";
import { before, test } from "node:test";
import ICAL from "ical.js";
import { inDays } from "../support/days.ts";
import { type Site, startSite } from "../support/site.ts";

let site: Site;

before(async () => {
  site = await startSite();
  await site.addService("oauth");
  await site.addService("users");
  await site.addPartner("acme", ["email"], { subscriptions: ["oauth"] });
});

const announce = (change: string, data: Record<string, unknown> = {}) =>
  site.say("created", {
    change,
    category: "major",
    service: "oauth",
    title: "Tokens expire",
    releaseAt: "2031-03-01",
    ...data,
  });

const textOf = async (path: string): Promise<string> => {
  const answer = await site.get(path);
  assert.equal(answer.status, 200, path);
  return answer.text();
};

/** A page without its history. */
const present = (html: string): string => html.slice(0, html.lastIndexOf('<ol class="timeline">'));

const events = (calendar: string) =>
  new ICAL.Component(ICAL.parse(calendar) as unknown[]).getAllSubcomponents("vevent").map((event) => ({
    uid: event.getFirstPropertyValue("uid"),
    start: String(event.getFirstPropertyValue("dtstart")),
    sequence: event.getFirstPropertyValue("sequence"),
    status: event.getFirstPropertyValue("status"),
    summary: event.getFirstPropertyValue("summary"),
  }));

test("a moved date is nowhere but in the history: pages, feeds, headers and calendars say the new one", async () => {
  const link = { rel: "sunset", href: "https://developer.example.com/sunset", title: "Guide" };
  await announce("CHG-1", { links: [link] });
  const paths = ["/changelog", "/changelog/CHG-1", site.pageOf("acme", "CHG-1"), site.pageOf("acme", null)];
  const feeds = ["/changelog.atom", "/changelog.json", "/calendar.ics"];
  const OLD = /1 March 2031|March 1, 2031|28 Feb(?:ruary)? 2031|2031-03-01|20310301/;
  for (const path of paths) assert.match(present(`${await textOf(path)}<ol class="timeline">`), /1 March 2031/, path);
  await site.say("updated", { change: "CHG-1", releaseAt: "2031-06-10", reason: "Too soon" });
  for (const path of [...paths, ...feeds]) {
    const text = await textOf(path);
    assert.match(text, /10 June 2031|20310610/, path);
    assert.doesNotMatch(text.includes('<ol class="timeline">') ? present(text) : text, OLD, path);
  }
  const record = await textOf("/changelog/CHG-1");
  assert.match(record.slice(record.lastIndexOf('<ol class="timeline">')), /<del>Saturday, 1 March 2031<\/del>/);
  assert.match(record, /Sunset: Mon, 09 Jun 2031 22:00:00 GMT/);
  assert.match(record, /Deprecation: @\d{10}\n/);
  assert.match(
    record,
    /Link: &lt;[^&]*\/changelog\/CHG-1&gt;; rel=&#34;deprecation&#34;, &lt;https:\/\/developer\.example\.com\/sunset&gt;; rel=&#34;sunset&#34;/,
  );
});

test("a change that ends nothing has no such headers, and its page says why", async () => {
  await announce("CHG-2");
  assert.match(
    await textOf("/changelog/CHG-2"),
    /No Deprecation or Sunset header applies: they announce that a resource ends/,
  );
  assert.match(
    await (await site.get("/changelog/CHG-2", { "accept-language": "fr-CH, en;q=0.5" })).text(),
    /Aucun en-tête/,
  );
  assert.match(await textOf("/changelog/CHG-2"), /Times are those of Europe\/Paris\./, "no moment is without its zone");
});

test("feeds keep their ids when a change is edited, and only its time moves", async () => {
  await announce("CHG-3", { summary: "First & <foremost>" });
  type Feed = {
    version: string;
    items: { id: string; date_published: string; date_modified: string; summary?: string }[];
  };
  const entryOf = async () => {
    const feed = JSON.parse(await textOf("/changelog.json")) as Feed;
    assert.equal(feed.version, "https://jsonfeed.org/version/1.1");
    const entry = feed.items.find(({ id }) => id.endsWith("/changelog/CHG-3")) ?? assert.fail("no entry");
    const atom = await textOf("/changelog.atom");
    assert.ok(atom.includes(`<id>${entry.id}</id>`));
    assert.ok(atom.includes(`<updated>${entry.date_modified}</updated>`));
    return entry;
  };
  const before = await entryOf();
  assert.equal(before.summary, "First & <foremost>");
  assert.equal(before.date_published, before.date_modified);
  await site.say("updated", { change: "CHG-3", summary: "Second" });
  const after = await entryOf();
  assert.deepEqual([after.id, after.date_published], [before.id, before.date_published]);
  assert.ok(after.date_modified > before.date_modified && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(after.date_modified));
  const atom = await site.get("/changelog.atom");
  assert.equal(atom.headers.get("content-type"), "application/atom+xml; charset=utf-8");
  const again = await site.get("/changelog.atom", { "if-none-match": atom.headers.get("etag") ?? "" });
  assert.equal(again.status, 304);
});

test("an old record goes on over as many pages as it takes, and unknown changes are not there", async () => {
  await site.sql.query(
    `INSERT INTO changes SELECT 'OLD-' || n, revision, status, category, service, release_at,
       jsonb_set(state, '{change}', to_jsonb('OLD-' || n)), paused_at, released_at, released_by, now() - n * interval '1 day'
     FROM changes, generate_series(1, 120) AS n WHERE change = 'CHG-2'`,
  );
  await site.sql.query(
    `INSERT INTO revisions SELECT 'OLD-' || n, revision, event, accepted_at - n * interval '1 day', policy, lane, state, differs, reason, minor, verdict, planned_at
     FROM revisions, generate_series(1, 120) AS n WHERE change = 'CHG-2'`,
  );
  const seen = new Set<string>();
  let path: string | undefined = "/changelog";
  while (path !== undefined) {
    const html: string = await textOf(path);
    for (const [, change = ""] of html.matchAll(/href="\/changelog\/([^"]+)"/g)) seen.add(change);
    path = /href="(\/changelog\?before=[^"]+)"/.exec(html)?.[1];
  }
  assert.equal(seen.size, 123);
  assert.equal((await site.get("/changelog/NONE")).status, 404);
  assert.equal((await site.get("/changelog?before=xyz")).status, 422);
  await site.sql.query("DELETE FROM revisions WHERE change LIKE 'OLD-%'");
  await site.sql.query("DELETE FROM changes WHERE change LIKE 'OLD-%'");
});

test("calendars follow a change from its announcement to its end; a partner's shows what it subscribes to", async () => {
  await announce("CHG-4", { releaseAt: inDays(90), title: "Logins move" });
  await announce("CHG-5", { service: "users", releaseAt: inDays(95) });
  const entry = async (path = "/calendar.ics") =>
    events(await textOf(path)).find(({ uid }) => uid === "CHG-4@127.0.0.1");
  const own = `/p/${site.parts.keyring.calendarToken("acme")}/calendar.ics`;
  assert.deepEqual(await entry(), {
    uid: "CHG-4@127.0.0.1",
    start: inDays(90),
    sequence: 0,
    status: "CONFIRMED",
    summary: "Logins move [CHG-4]",
  });
  await site.say("updated", { change: "CHG-4", title: "All logins move" });
  assert.deepEqual([(await entry())?.sequence, (await entry())?.summary], [0, "All logins move [CHG-4]"]);
  await site.say("updated", { change: "CHG-4", releaseAt: inDays(100), reason: "Later" });
  await site.say("updated", { change: "CHG-4", releaseAt: inDays(110), reason: "Later still" });
  assert.deepEqual([(await entry(own))?.sequence, (await entry(own))?.start], [2, inDays(110)]);
  await site.say("cancelled", { change: "CHG-4", reason: "Not needed" });
  assert.deepEqual([(await entry())?.sequence, (await entry())?.status], [3, "CANCELLED"]);
  assert.equal(await textOf(own), await textOf(`${site.pageOf("acme", null)}/calendar.ics`));
  assert.deepEqual(
    [(await textOf("/calendar.ics")).includes("CHG-5"), (await textOf(own)).includes("CHG-5")],
    [true, false],
  );
  assert.match(
    (await site.get(own)).headers.get("content-type") ?? "",
    /^text\/calendar; charset=utf-8; method=PUBLISH$/,
  );
  assert.doesNotMatch(await textOf(own), /ATTENDEE/);
});

test("a change that is released ahead of its date is in effect since then, on every page and in every feed", async () => {
  await announce("CHG-7", { title: "Ahead of its date", releaseAt: "2031-05-01" });
  await site.say("released", { change: "CHG-7", releasedAt: "2026-01-10T10:00:00Z" });
  const own = site.pageOf("acme", "CHG-7");
  const [list, record, page] = await Promise.all(["/changelog", "/changelog/CHG-7", own].map(textOf));
  for (const html of [list, record]) assert.match(html ?? "", /In effect since[\s\S]{0,80}10 January 2026 at 11:00/);
  assert.match(page ?? "", /In effect since/);
  for (const html of [record, page].map((one = "") => present(one))) {
    assert.match(html, /Planned for Thursday, 1 May 2031/);
    assert.doesNotMatch(html, /Takes effect|in \d+ days|before we told you/);
  }
  for (const feed of await Promise.all(["/changelog.atom", "/changelog.json"].map(textOf))) {
    assert.match(feed, /In effect since: Saturday, 10 January 2026 at 11:00/);
    assert.doesNotMatch(feed, /1 May 2031/);
  }
});
