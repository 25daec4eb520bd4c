import assert from "node:assert/strict";
import { test } from "node:test";
import { shortMoment } from "../../src/pages/moments.ts";
import { wordsFor } from "../../src/render/words.ts";
import { both, mailOf, mails, NOW } from "../support/notice-mails.ts";
import { aChange, aNotice, anAddressee } from "../support/notice-scene.ts";

test("of one notice, each recipient reads what differs since it was told last", () => {
  const kept = mails();
  const content = aNotice("amended", { previous: { title: "The second title" } });
  const longer = { ...content, previous: { title: "The first title" } };
  const read = (said: typeof content) => kept.mailFor(said, anAddressee(), NOW).text;
  assert.match(read(content), /The second title/);
  assert.match(read(longer), /The first title/);
  assert.doesNotMatch(read(longer), /The second title/);
  assert.match(read(content), /The second title/);
});

test("a moved date shows the new one large and the old one beside it, later or earlier", () => {
  const moved = (releaseAt: string) =>
    mailOf(
      aNotice("rescheduled", {
        change: aChange({ releaseAt }),
        previous: { releaseAt: "2027-03-01", contact: null },
        reason: "Two partners need longer.",
      }),
    ).text;
  assert.match(
    moved("2027-06-01"),
    /later than announced[\s\S]*Tuesday, 1 June 2027[\s\S]*Formerly Monday, 1 March 2027/,
  );
  assert.match(moved("2027-02-01"), /earlier than announced/);
  assert.match(
    moved("2027-06-01"),
    /Why: Two partners need longer\.[\s\S]*- Questions\s+Before: none\s+Now: api@example\.com/,
  );
});

test("an amendment lists old and new side by side; a first announcement of a later revision does not", () => {
  const previous = {
    summary: "It was less.",
    affects: ["GET /old"],
    details: "## What changes\n\nThe body is bare.",
    category: "normal",
    businessCritical: null,
  };
  const amended = mailOf(aNotice("amended", { previous }));
  assert.match(amended.text, /- Summary\s+Before: It was less\.\s+Now: The endpoints on/);
  assert.match(amended.text, /- What it affects\s+Before: GET \/old\s+Now: POST \/oauth2\/token/);
  assert.match(amended.text, /- Details\s+Removed: The body is bare\.\s+Added: The body is wrapped in `body`\.\n/);
  assert.match(amended.html, /<del>The body is bare\.<\/del>/);
  const many = Array.from({ length: 30 }, (_, at) => `Paragraph ${at}`).join("\n\n");
  const shortened = mailOf(aNotice("amended", { previous: { details: many } })).text;
  assert.equal(shortened.match(/Removed: Paragraph/g)?.length, 20);
  assert.match(shortened, /Paragraph 19\s+Removed: …\n/);
  assert.match(amended.html, /It was less\./);
  const list = mailOf(aNotice("amended", { previous: { details: "- one\n- two" } }));
  assert.match(list.text, /Removed: - one\n +- two\n/);
  assert.match(list.html, /<del>- one<br>- two<\/del>/);
  for (const part of both(mailOf(aNotice("announcement", { previous })))) assert.ok(!part.includes("It was less."));
});

test("whether a change is business critical is yes or no, also where only its service says so", () => {
  const rows = (previous: boolean, critical: boolean, locale: string) =>
    /Before: .*\s+Now: .*|Avant.*\s+Maintenant.*/.exec(
      mailOf(
        aNotice("amended", { change: aChange({}, { critical }), previous: { businessCritical: previous } }),
        anAddressee({ locale }),
      ).text,
    )?.[0];
  assert.match(rows(true, false, "en") ?? "", /Before: yes\s+Now: no$/);
  assert.match(rows(false, true, "en") ?? "", /Before: no\s+Now: yes$/);
  assert.match(rows(true, false, "fr") ?? "", /Avant\s: oui\s+Maintenant\s: non$/);
});

test("a service is called by its title, in the head, in the foot and where it differs; one that is gone by its id", () => {
  const moved = aNotice("amended", {
    previous: { service: "measures" },
    services: { oauth2: "OAuth 2", measures: "Measures API" },
  });
  const { text, html } = mailOf(moved);
  assert.match(text, /^Amended - CHG-1042 - OAuth 2\n/);
  assert.match(text, /to be told of changes to OAuth 2\./);
  assert.match(text, /- Service\s+Before: Measures API\s+Now: OAuth 2\n/);
  for (const part of [text, html]) assert.doesNotMatch(part, /\boauth2\b(?!\/token)|measures/);
  assert.match(mailOf({ ...moved, services: {} }).text, /- Service\s+Before: measures\s+Now: oauth2\n/);
});

test("a change that is released ahead of its date says when it was, and no word of its date is left to come", () => {
  const released = aNotice("released", {
    change: aChange({}, { status: "released" }),
    releasedAt: "2026-11-21T10:00:00.000Z",
  });
  const { text, html } = mailOf(released);
  assert.match(
    text,
    /In effect since: Saturday, 21 November 2026 at 11:00\n  Europe\/Paris \(GMT\+1\), 10:00 UTC\n  Planned for Monday, 1 March 2027\n/,
  );
  for (const part of [text, html]) assert.doesNotMatch(part, /Takes effect|in 99 days/);
  const onTime = aNotice("released", {
    change: aChange({}, { status: "released" }),
    releasedAt: "2027-02-28T23:00:00.000Z",
  });
  const late = mailOf(onTime, anAddressee(), new Date("2027-03-02T08:00:00Z")).text;
  assert.match(late, /In effect since: Monday, 1 March 2027\n  From 00:00, Europe\/Paris\n/);
  assert.doesNotMatch(late, /Planned for|\(in effect\)/);
});

test("an hour that stands by itself bears its zone", () => {
  const change = aChange({ releaseAt: "2026-12-01T10:00:00Z", testFrom: "2026-11-25T07:00:00Z" });
  const cancelled = mailOf(aNotice("cancelled", { change }), anAddressee({ timeZone: "UTC" })).text;
  assert.match(cancelled, /Was planned for: Tuesday, 1 December 2026 at 10:00, UTC\n/);
  const previous = { releaseAt: "2026-11-30T10:00:00Z", testFrom: "2026-11-24T07:00:00Z" };
  const moved = mailOf(aNotice("rescheduled", { change, previous })).text;
  assert.match(moved, /Formerly Monday, 30 November 2026 at 11:00, Europe\/Paris\n/);
  assert.match(moved, /Before: Tuesday, 24 November 2026 at 08:00, Europe\/Paris\n/);
  assert.match(moved, /Try it from: Wednesday, 25 November 2026 at 08:00, Europe\/Paris\n/);
});

test("in French the first day of a month is the 1er, and no other day", () => {
  const read = (releaseAt: string) =>
    mailOf(aNotice("announcement", { change: aChange({ releaseAt }) }), anAddressee({ locale: "fr" })).text;
  assert.match(read("2026-12-01"), /mardi 1er décembre 2026/);
  assert.match(read("2026-12-01T10:00:00Z"), /mardi 1er décembre 2026 à 11:00/);
  assert.match(read("2026-12-11"), /vendredi 11 décembre 2026/);
  assert.equal(
    shortMoment(wordsFor("fr-CA"), "UTC", new Date("2027-03-01T10:00:00Z")).startsWith("1er mars 2027"),
    true,
  );
  assert.equal(shortMoment(wordsFor("en"), "UTC", new Date("2027-03-01T10:00:00Z")), "1 Mar 2027, 10:00");
});

test("a reminder shows what differs since its reader was told last, where a correction told nobody", () => {
  const corrected = aNotice("reminder", { previous: { action: "Call the new endpoints." } });
  for (const part of both(mailOf(corrected))) {
    assert.match(part, /What differs/);
    assert.ok(part.includes("Call the new endpoints.") && part.includes("Call the new endpoint."));
  }
  for (const part of both(mailOf(aNotice("reminder")))) assert.doesNotMatch(part, /What differs/);
});

test("a new category names both, and a cancelled change asks for nothing", () => {
  const up = aNotice("reclassified", { previous: { category: "normal" } });
  assert.match(mailOf(up).text, /has a new category: Major\. It was Normal\./);
  const off = mailOf(aNotice("cancelled", { reason: "The old ones stay." }));
  for (const part of both(off)) {
    assert.match(part, /need not do anything/);
    assert.ok(!part.includes("Call the new endpoint."));
    assert.ok(!part.includes("in 99 days"));
  }
});
