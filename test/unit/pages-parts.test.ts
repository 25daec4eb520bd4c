import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ChangeFields } from "../../src/domain/change.ts";
import { pageClosesAt } from "../../src/domain/page-life.ts";
import { makeKeyring } from "../../src/keyring.ts";
import { preferredLocale } from "../../src/pages/changelog-pages.ts";
import { proofPage } from "../../src/pages/proof-page.ts";
import { lifecycleHeaders } from "../../src/render/lifecycle-headers.ts";
import { paragraphDiff } from "../../src/render/paragraph-diff.ts";
import { aChange } from "../support/notice-scene.ts";

const publicUrl = "https://notices.example.com";
const paris = { zone: "Europe/Paris", publicUrl };
const sunset = { rel: "sunset", href: "https://developer.example.com/sunset" };
const deprecation = { rel: "Deprecation", href: "https://developer.example.com/deprecated" };

const headersOf = (
  links: ChangeFields["links"],
  rest: Parameters<typeof aChange> = [],
): Record<string, string | null> => {
  const { headers, whyNot } = lifecycleHeaders(aChange({ ...rest[0], links: links ?? [] }, rest[1]), paris);
  return { ...Object.fromEntries(headers.map(({ name, value }) => [name, value])), whyNot };
};

test("what stops answering is deprecated from its announcement and sunset at its release", () => {
  assert.deepEqual(headersOf([sunset, { rel: "successor-version", href: "https://api.example.com/v2" }]), {
    Deprecation: `@${Date.parse("2026-11-22T09:00:00Z") / 1_000}`,
    Sunset: "Sun, 28 Feb 2027 23:00:00 GMT",
    Link: '<https://notices.example.com/changelog/CHG-1042>; rel="deprecation", <https://developer.example.com/sunset>; rel="sunset", <https://api.example.com/v2>; rel="successor-version"',
    whyNot: null,
  });
});

test("a deprecation is never after the sunset, and what is only deprecated has none", () => {
  const late = headersOf([sunset], [{ releaseAt: "2026-11-01T10:00:00Z" }]);
  assert.equal(late["Deprecation"], `@${Date.parse("2026-11-01T10:00:00Z") / 1_000}`);
  assert.deepEqual(headersOf([deprecation]), {
    Deprecation: `@${Date.parse("2026-11-22T09:00:00Z") / 1_000}`,
    Link: '<https://developer.example.com/deprecated>; rel="deprecation"',
    whyNot: "headers.noSunset",
  });
});

test("a change that ends nothing, was cancelled, or hides a script in its link has no headers, and says why", () => {
  assert.deepEqual(headersOf([]), { whyNot: "headers.none" });
  assert.deepEqual(headersOf([sunset], [{}, { status: "cancelled" }]), { whyNot: "headers.cancelled" });
  assert.deepEqual(headersOf([{ rel: "sunset", href: "javascript:alert(1)" }]), { whyNot: "headers.none" });
  const injected = headersOf([{ rel: "sunset", href: 'https://x.example/">\r\nSet-Cookie: a=b' }]);
  assert.doesNotMatch(injected["Link"] ?? "", /[\r\n]|>[^;]*>/);
});

test("a diff of paragraphs gives back both texts, and touches as little as it can", () => {
  assert.deepEqual(paragraphDiff("a\n\nb\n\nc", "a\r\n\r\nx\r\n\r\nc\n"), [
    { kind: "same", text: "a" },
    { kind: "removed", text: "b" },
    { kind: "added", text: "x" },
    { kind: "same", text: "c" },
  ]);
  const texts = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, (before, after) => {
      const diff = paragraphDiff(before.join("\n\n"), after.join("\n\n"));
      const without = (kind: string) => diff.filter((one) => one.kind !== kind).map(({ text }) => text);
      assert.deepEqual(without("added"), before);
      assert.deepEqual(without("removed"), after);
    }),
  );
});

test("a page closes ninety calendar days after the release, or after its last revision", () => {
  const life = { releaseAt: "2027-03-01", releasedAt: null, revisedAt: new Date(0), zone: "Europe/Paris" };
  assert.equal(pageClosesAt(life)?.toISOString(), "2027-05-29T22:00:00.000Z");
  assert.equal(
    pageClosesAt({ ...life, revisedAt: new Date("2027-04-01T10:00:00Z") })?.toISOString(),
    "2027-06-30T10:00:00.000Z",
  );
  assert.equal(pageClosesAt({ ...life, releaseAt: undefined }), null);
});

test("a token opens what it was made for, and nothing else", () => {
  const keyring = makeKeyring("a secret of this test, long enough for it");
  const other = makeKeyring("another secret of this test, long enough");
  const tokens = [
    keyring.pageToken("acme", null),
    keyring.pageToken("acme", "CHG-1"),
    keyring.pageToken("acme", null, 2),
    keyring.calendarToken("acme"),
    keyring.calendarToken("acme", 2),
    keyring.unsubscribeToken(7),
  ];
  assert.equal(new Set(tokens).size, tokens.length);
  assert.deepEqual(
    tokens.map((token) => keyring.readPageToken(token)),
    [
      { partner: "acme", change: null, epoch: 0 },
      { partner: "acme", change: "CHG-1", epoch: 0 },
      { partner: "acme", change: null, epoch: 2 },
      null,
      null,
      null,
    ],
  );
  assert.deepEqual(tokens.map((token) => keyring.readCalendarToken(token)).slice(3), [
    { partner: "acme", epoch: 0 },
    { partner: "acme", epoch: 2 },
    null,
  ]);
  assert.deepEqual(
    tokens.map((token) => keyring.readUnsubscribeToken(token)),
    [null, null, null, null, null, 7],
  );
  assert.deepEqual(
    tokens.map((token) => other.readPageToken(token)),
    tokens.map(() => null),
  );
});

test("public pages speak the first language that a browser asks for and we have", () => {
  const asked: [string | undefined, string][] = [
    [undefined, "en"],
    ["fr-CH, fr;q=0.9, en;q=0.8", "fr-CH"],
    ["de, en-GB;q=0.8", "en-GB"],
    ["de", "en"],
    ["../../x", "en"],
  ];
  for (const [header, expected] of asked) assert.equal(preferredLocale(header), expected);
});

test("a proof writes its minimum out, and months only where there are any", async () => {
  const partner = { obligation: "met", toldAt: null, channel: null, rung: null, evidence: {} } as const;
  async function* partners() {
    yield { ...partner, partner: "a", noticeDays: 8, noticeMonths: 0 };
    yield { ...partner, partner: "b", noticeDays: 31, noticeMonths: 1 };
  }
  const page = (await proofPage({
    head: {
      change: "CHG-1",
      revision: 1,
      title: "T",
      status: "announced",
      releaseAt: "2027-03-01",
      minimum: "P1M",
      zone: "Europe/Paris",
      at: "2027-01-01T00:00:00.000Z",
      seal: null,
    },
    totals: { partners: 2, pending: 0, met: 2, breached: 0, waived: 0, unreachable: 0 },
    partners: partners(),
  })) as { head: { minimum: string }; rows: { ahead: string }[] };
  assert.equal(page.head.minimum, "1 month (P1M)");
  assert.deepEqual(
    page.rows.map(({ ahead }) => ahead),
    ["8 days", "31 days (1 month)"],
  );
});
