import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { makeKeyring } from "../../src/keyring.ts";
import { composeMail } from "../../src/render/mail-form.ts";
import { mailAddress, readMailbox } from "../../src/render/mail-mime.ts";
import { makeNoticeMails } from "../../src/render/notice-mail.ts";
import { makeTemplates } from "../../src/render/templates.ts";
import { aChange, aNotice, anAddressee } from "../support/notice-scene.ts";

const keyring = makeKeyring("a secret of this test, long enough for it");
const publicUrl = "https://notices.example.com";
const organizer = { name: "API changes", address: "changes@example.com" };
const NOW = new Date("2026-11-22T09:00:00Z");
const templates = makeTemplates({ folder: undefined });
// A maker of its own for each mail: it keeps what it rendered by the id of the notice.
const fresh = () => makeNoticeMails({ templates, keyring, publicUrl, organizer });

const NASTY = [
  "x\r\nBcc: eve@evil.example",
  "x\nTo: eve@evil.example\n\nbody",
  "x\u2028Bcc: eve@evil.example\u0085y",
  '"<eve@evil.example>',
  "a, eve@evil.example",
  "=?utf-8?B?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "{{ own.page }}{% include 'x' %}",
  "\u202Egnp.exe\u2066 \u0000\u0007",
  "\uD800 lone",
  "🚀 naïve Ünïcödé ".repeat(20),
];
const field = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 200 }),
);

const EXPECTED_HEADERS = [
  "auto-submitted",
  "content-type",
  "date",
  "forewarn-change",
  "forewarn-notice",
  "from",
  "message-id",
  "mime-version",
  "subject",
  "to",
];

test("no field of a change or a partner adds a header, a recipient or markup", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 9, maxLength: 9 }), async (given) => {
      const [
        title = "",
        name = "",
        summary = "",
        details = "",
        action = "",
        reason = "",
        contact = "",
        link = "",
        href = "",
      ] = given;
      const content = aNotice("amended", {
        change: aChange({
          title,
          summary,
          details,
          action,
          contact,
          affects: [link],
          links: [{ rel: link, href, title: link }],
        }),
        previous: { title: summary, action: name, links: [{ rel: "x", href }] },
        reason,
      });
      const to = anAddressee({ name });
      const { subject, html, text, calendar } = fresh().encodedFor(content, to, NOW);
      const raw = composeMail({
        from: { name: "Forewarn", address: "forewarn@example.com" },
        to: { name, address: "dev@acme.example" },
        subject,
        html,
        text,
        calendar,
        messageId: "<msg_x@example.com>",
        inReplyTo: null,
        date: NOW,
        headers: {
          "Auto-Submitted": "auto-generated",
          "Forewarn-Change": "CHG-1042",
          "Forewarn-Notice": `n ${reason}`,
        },
      });
      const parsed = await PostalMime.parse(raw);
      assert.deepEqual(parsed.headers.map(({ key }) => key).sort(), EXPECTED_HEADERS);
      assert.deepEqual(
        parsed.to?.map((to) => to.address),
        ["dev@acme.example"],
      );
      assert.equal(parsed.cc, undefined);
      assert.equal(parsed.bcc, undefined);
      assert.deepEqual(
        parsed.attachments.map(({ mimeType, method }) => [mimeType, method]),
        [["text/calendar", "REQUEST"]],
      );
      assert.doesNotMatch(parsed.subject ?? "", /[\r\n\u202A-\u202E\u2066-\u2069]/);
      for (const line of [html, text, calendar?.body].join("\r\n").split("\r\n"))
        assert.ok(line.length <= 76 && !/[^\t -~]/.test(line), line);
      const read = fresh().mailFor(content, to, NOW);
      const ends = (body: string | undefined): string => (body ?? "").replace(/\r\n/g, "\n").trimEnd();
      assert.equal(ends(parsed.html), ends(read.html));
      assert.equal(ends(parsed.text), ends(read.text));
      const shown = parsed.html ?? "";
      assert.doesNotMatch(shown, /<(?:script|img|svg|iframe|link|object|form)\b/i);
      assert.doesNotMatch(shown.replace(/"[^"]*"/g, '""'), /<[^>]*\son\w+=/i);
      for (const [, target] of shown.matchAll(/<a [^>]*?href="([^"]*)"/g))
        assert.match(target ?? "", /^(?:https?:\/\/|mailto:)/);
      for (const line of raw.split("\r\n")) assert.ok(line.length <= 998 && !/[\r\n]/.test(line));
    }),
    { numRuns: 120, examples: NASTY.map((nasty) => [Array.from({ length: 9 }, () => nasty)]) },
  );
});

const ADDRESSES: readonly [string, string | null][] = [
  ["dev@acme.example", "dev@acme.example"],
  ["first.last+tag@sub.acme.example", "first.last+tag@sub.acme.example"],
  ["dev@localhost", "dev@localhost"],
  ["dev@bücher.example", "dev@xn--bcher-kva.example"],
  ["jürgen@acme.example", "jürgen@acme.example"],
  ["dev@acme.example\r\nBcc: eve@evil.example", null],
  ["dev@acme.example, eve@evil.example", null],
  ["a@b@c.example", null],
  ["Dev <dev@acme.example>", null],
  ["dev@acme.example>", null],
  ['"a b"@acme.example', null],
  ["dev@[127.0.0.1]", null],
  ["dev@acme.example/x", null],
  ["dev@acme%2eexample", null],
  ["dev", null],
  ["@acme.example", null],
  ["dev@", null],
  ["dev@-acme.example", null],
  ["a..b@acme.example", null],
  ["dev\u0000@acme.example", null],
  ["dev\u202E@acme.example", null],
  [`${"a".repeat(65)}@acme.example`, null],
  ["", null],
];

test("an address is one mailbox or it is refused", () => {
  for (const [given, expected] of ADDRESSES) assert.equal(mailAddress(given), expected, JSON.stringify(given));
});

test("MAIL_FROM is read with and without a name, and two senders are none", () => {
  assert.deepEqual(readMailbox("API changes <changes@example.com>"), {
    name: "API changes",
    address: "changes@example.com",
  });
  assert.deepEqual(readMailbox("forewarn@localhost"), { name: "", address: "forewarn@localhost" });
  assert.equal(readMailbox("a@example.com, b@example.com"), null);
});
