import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTICE_KINDS } from "../../src/domain/notice.ts";
import { LANGUAGES, wordsFor } from "../../src/render/words.ts";
import { both, keyring, mailOf, mails, NOW, publicUrl } from "../support/notice-mails.ts";
import { aChange, aNotice, anAddressee } from "../support/notice-scene.ts";

test("an announcement shows title, service, date, days left, what to do and the partner's own page, in HTML and in text", () => {
  const mail = mailOf();
  assert.equal(mail.subject, "[CHG-1042] Old token endpoints are shut down");
  const page = `${publicUrl}/p/${keyring.pageToken("acme", "CHG-1042")}`;
  for (const part of both(mail))
    for (const shown of [
      "Old token endpoints are shut down",
      "OAuth 2",
      "Major",
      "Business critical",
      "Monday, 1 March 2027",
      "in 99 days",
      "The endpoints on account.example.com stop answering.",
      "Call the new endpoint.",
      "POST /oauth2/token",
      "Migration guide",
      "https://developer.example.com/guide",
      "api@example.com",
      "Hello Acme Health,",
      page,
      "CHG-1042.r1.announcement",
    ])
      assert.ok(part.includes(shown), `${shown} is missing`);
  assert.match(mail.html, /<h2 style="[^"]*">What changes<\/h2>/);
});

test("every kind of notice has words of its own under one subject", () => {
  const leads = NOTICE_KINDS.map((kind) => mailOf(aNotice(kind)).text.split("\n")[0]);
  assert.equal(new Set(leads).size, NOTICE_KINDS.length);
  const subjects = NOTICE_KINDS.map((kind) => mailOf(aNotice(kind)).subject);
  assert.deepEqual(new Set(subjects), new Set(["[CHG-1042] Old token endpoints are shut down"]));
});

test("notices to partners about themselves need no change", () => {
  const test_ = mailOf(aNotice("test", { change: null, verdict: null }));
  assert.equal(test_.subject, "[Forewarn] Test notice");
  assert.ok(test_.html.includes(`${publicUrl}/p/${keyring.pageToken("acme", null)}`));
  const off = mailOf(aNotice("endpoint-disabled", { change: null, verdict: null, reason: "https://h.example/x: 500" }));
  assert.match(off.text, /Why: https:\/\/h\.example\/x: 500/);
});

test("the day left is counted on the calendar: tomorrow, today, and in effect", () => {
  const at = (now: string) => mailOf(aNotice("reminder"), anAddressee(), new Date(now)).text;
  assert.match(at("2027-02-15T08:00:00Z"), /takes effect in 14 days/);
  assert.match(at("2027-02-28T08:00:00Z"), /takes effect tomorrow/);
  assert.match(at("2027-02-28T22:59:59Z"), /takes effect tomorrow/);
  assert.match(at("2027-02-28T23:00:00Z"), /this change is in effect/);
  const timed = aNotice("reminder", { change: aChange({ releaseAt: "2027-03-01T16:00:00Z" }) });
  assert.match(mailOf(timed, anAddressee(), new Date("2027-03-01T08:00:00Z")).text, /takes effect today/);
});

test("a mail rendered before midnight is not given to who reads it after", () => {
  const kept = mails();
  const text = (now: string) => kept.mailFor(aNotice("reminder"), anAddressee(), new Date(now)).text;
  assert.match(text("2027-02-26T22:59:59Z"), /in 3 days/);
  assert.match(text("2027-02-26T23:00:00Z"), /in 2 days/);
  assert.match(text("2027-02-26T22:59:59Z"), /in 3 days/);
});

test("recipients who share language and zone get the same mail but for their name and page", () => {
  const kept = mails();
  const first = kept.mailFor(aNotice(), anAddressee(), NOW);
  const second = kept.mailFor(aNotice(), anAddressee({ partner: "beta", name: "Bêta & Söhne <x>" }), NOW);
  assert.ok(second.html.includes("Hello Bêta &amp; Söhne &lt;x&gt;,"));
  assert.ok(second.text.includes("Hello Bêta & Söhne <x>,"));
  const own = (html: string, name: string, partner: string) =>
    html.replaceAll(name, "NAME").replaceAll(keyring.pageToken(partner, "CHG-1042"), "PAGE");
  assert.equal(own(second.html, "Bêta &amp; Söhne &lt;x&gt;", "beta"), own(first.html, "Acme Health", "acme"));
});

test("a mail keeps the subject that its thread began with, whatever the title is now", () => {
  const titled = anAddressee({
    threadRoot: "CHG-1042.r1.announcement.ep_7",
    threadTitle: "As it was\r\nBcc: x@y.example",
  });
  assert.equal(mailOf(aNotice("amended"), titled).subject, "[CHG-1042] As it was Bcc: x@y.example");
  assert.equal(mailOf(aNotice("amended")).subject, "[CHG-1042] Old token endpoints are shut down");
});

test("a date is the policy's, with the partner's own clock beside it where that differs", () => {
  const { text } = mailOf(aNotice(), anAddressee({ timeZone: "America/New_York" }));
  assert.match(text, /Takes effect: Monday, 1 March 2027/);
  assert.match(text, /From 00:00, Europe\/Paris/);
  assert.match(text, /For you: Sunday, 28 February 2027 at 18:00, America\/New York/);
  assert.doesNotMatch(mailOf().text, /For you/);
});

test("a time is on the partner's clock, with zone and UTC", () => {
  const content = aNotice("announcement", { change: aChange({ releaseAt: "2027-03-01T22:30:00Z" }) });
  const tokyo = mailOf(content, anAddressee({ timeZone: "Asia/Tokyo" })).text;
  assert.match(tokyo, /Tuesday, 2 March 2027 at 07:30/);
  assert.match(tokyo, /Asia\/Tokyo \(GMT\+9\), Monday, 1 March 2027 at 22:30 UTC/);
  const american = mailOf(content, anAddressee({ locale: "en-US", timeZone: "America/Los_Angeles" })).text;
  assert.match(american, /Monday, March 1, 2027 at 2:30\sPM/);
});

test("fr-CA reads French with its own dates, pt-BR reads English, and a locale or zone that is none does no harm", () => {
  const french = mailOf(aNotice("reminder"), anAddressee({ locale: "fr-CA" }), new Date("2027-02-15T08:00:00Z"));
  assert.match(french.text, /entre en vigueur dans 14 jours/);
  assert.match(french.text, /lundi 1er mars 2027/);
  assert.match(french.html, /<html lang="fr"/);
  assert.match(french.text, /^Catégorie\u00a0: /m, "a French colon has a space before it, where no line breaks");
  assert.doesNotMatch(french.text, /[\p{L}]:(?=[ \n])/u);
  assert.match(mailOf(aNotice(), anAddressee({ locale: "pt-BR" })).text, /Monday, 1 March 2027 \(in 99 days\)/);
  assert.match(mailOf(aNotice(), anAddressee({ locale: "no such", timeZone: "Mars/Base" })).text, /1 March 2027/);
});

test("every phrase is in every language, with the same places to fill", () => {
  const english = LANGUAGES["en"];
  assert.ok(english);
  const places = (phrase: string | { one: string; other: string } | undefined): string[] =>
    (typeof phrase === "string" ? [phrase] : [phrase?.one ?? "", phrase?.other ?? ""]).map((form) =>
      [...form.matchAll(/\{(\w+)\}/g)]
        .map((found) => found[1] ?? "")
        .sort((a, b) => a.localeCompare(b))
        .join(),
    );
  for (const [language, phrases] of Object.entries(LANGUAGES)) {
    assert.deepEqual(Object.keys(phrases).sort(), Object.keys(english).sort(), language);
    for (const [key, phrase] of Object.entries(english))
      assert.deepEqual(places(phrases[key as keyof typeof phrases]), places(phrase), `${language}: ${key}`);
  }
  assert.equal(wordsFor("fr-CA").say("left.days", { count: 14 }), "dans 14 jours");
  assert.equal(wordsFor("en").say("left.days", { count: 1 }), "in 1 day");
});

test("a notice shorter than promised says so, by how much, and which date would have kept the promise", () => {
  const verdict = {
    status: "short" as const,
    minimum: "P3M",
    noticeDays: 80,
    noticeMonths: 2,
    shortByDays: 12,
    earliestRelease: "2027-03-13",
  };
  for (const part of both(mailOf(aNotice("announcement", { verdict }))))
    assert.match(
      part,
      /promises 3 months of notice\. This is 12 days less than that, and we are sorry\. .*Saturday, 13 March 2027/,
    );
  assert.match(mailOf(aNotice("announcement", { verdict: { ...verdict, shortByDays: 1 } })).text, /1 day less/);
  const late = mailOf(aNotice("announcement", { verdict }), anAddressee(), new Date("2027-04-01T00:00:00Z")).text;
  assert.match(late, /already in effect/);
  assert.match(late, /took effect before we told you/);
  for (const quiet of [
    aNotice(),
    aNotice("reminder", { verdict }),
    aNotice("announcement", { verdict: { ...verdict, status: "waived" } }),
  ])
    assert.doesNotMatch(mailOf(quiet).text, /sorry/);
});

test("every mail ends with the page where its address leaves", () => {
  const page = `${publicUrl}/p/${keyring.unsubscribeToken(7)}/unsubscribe`;
  for (const kind of NOTICE_KINDS) {
    const { html, text, unsubscribe } = mailOf(aNotice(kind));
    assert.deepEqual(unsubscribe, { page, token: keyring.unsubscribeToken(7) });
    assert.ok(html.includes(`href="${page}"`));
    assert.ok(text.endsWith(`Unsubscribe this address: ${page}\n`), text.slice(-200));
  }
});

test("an emergency looks like one", () => {
  const { html, text } = mailOf(aNotice("announcement", { change: aChange({ category: "emergency" }) }));
  assert.match(html, /bgcolor="#b42318"[^>]*>[^<]*Emergency</);
  assert.match(text, /emergency change/i);
});

test("no mail fetches anything when it is opened", () => {
  for (const kind of NOTICE_KINDS)
    assert.doesNotMatch(mailOf(aNotice(kind)).html, /<img|<link|<script|<iframe|url\(|@import|src=/i);
});
