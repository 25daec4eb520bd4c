import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { makeMailForm, type OwnParts } from "../../src/render/mail-form.ts";
import { mailAddress } from "../../src/render/mail-mime.ts";
import { QUOTED_PRINTABLE } from "../../src/render/quoted-printable.ts";
import { makePlaces } from "../../src/render/splice.ts";

const NASTY = [
  "x\r\nBcc: eve@evil.example",
  "x\r\n\r\nbody\r\n.\r\nMAIL FROM:<eve@evil.example>",
  "a\r.\rb",
  "\n.\nc",
  ".",
  "..\r\n.",
  "--=_Forewarn",
  "x\r\n--=_Forewarn--\r\n",
  "=_",
  "=3D=\r\n",
  '"a\\" <eve@evil.example>',
  "a, eve@evil.example; b:",
  "=?utf-8?Q?=0D=0ABcc:_eve?=",
  "Bêta & Söhne <x>",
  "trailing ",
  " x".repeat(60),
  "w".repeat(300),
  "\u2028\u0085\u0000\u007F",
  "\uD800",
];
const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.stringMatching(/^[ -~]{0,90}$/),
);

const own = (given: Partial<OwnParts> = {}): OwnParts => ({
  to: { name: "Acme", address: "dev@acme.example" },
  text: "text",
  html: "<p>html</p>",
  calendar: "",
  messageId: "<msg_a@example.com>",
  inReplyTo: null,
  date: new Date("2026-11-22T09:00:00Z"),
  headers: {},
  ...given,
});
const form = makeMailForm({
  from: { name: "Forewarn", address: "changes@example.com" },
  subject: "Subject",
  method: null,
  headers: { "Auto-Submitted": "auto-generated" },
});

test("whatever a recipient is called, a mail has its own headers and parts and no others, in lines that nothing ends early", async () => {
  await fc.assert(
    fc.asyncProperty(text, text, text, async (name, body, value) => {
      const mail = form(
        own({
          to: { name, address: "dev@acme.example" },
          text: QUOTED_PRINTABLE.encode(body),
          html: QUOTED_PRINTABLE.encode(body),
          headers: { "List-Unsubscribe": value || "x" },
        }),
      );
      for (const line of mail.split("\r\n")) assert.ok(line.length <= 998 && !/[\r\n]/.test(line), line);
      const { headers, to, attachments } = await PostalMime.parse(mail);
      const names = headers.map(({ key }) => key).filter((key) => key !== "list-unsubscribe");
      assert.deepEqual(names.sort(), [
        "auto-submitted",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "subject",
        "to",
      ]);
      assert.deepEqual(
        to?.map(({ address }) => address),
        ["dev@acme.example"],
      );
      assert.doesNotMatch(to?.[0]?.name ?? "", /[\r\n]/, "an encoded word of one's own");
      assert.equal(attachments.length, 0);
      const [, boundary = ""] = /boundary="([^"]+)"/.exec(mail) ?? [];
      assert.equal(mail.split(`--${boundary}`).length, 4);
    }),
    { numRuns: 200, examples: NASTY.map((nasty) => [nasty, nasty, nasty]) },
  );
});

test("each mail bears the second in which it was written", () => {
  for (const [at, date] of [
    ["2026-11-22T09:00:00.999Z", "Sun, 22 Nov 2026 09:00:00 +0000"],
    ["2026-11-22T09:00:01.000Z", "Sun, 22 Nov 2026 09:00:01 +0000"],
    ["2026-11-22T09:00:00.000Z", "Sun, 22 Nov 2026 09:00:00 +0000"],
  ] as const)
    assert.match(form(own({ date: new Date(at) })), new RegExp(`\\r\\nDate: ${date.replace("+", "\\+")}\\r\\n`));
});

test("a boundary holds what quoted-printable cannot, whatever is encoded", () => {
  assert.match(form(own()), /boundary="=_/);
  fc.assert(
    fc.property(text, (piece) => !QUOTED_PRINTABLE.encode(piece).includes("=_")),
    { numRuns: 300, examples: NASTY.map((nasty): [string] => [nasty]) },
  );
});

test("pieces in quoted-printable read as what was filled in, in lines of ASCII within 76, ended by CRLF alone", async () => {
  await fc.assert(
    fc.asyncProperty(text, text, async (fixed, filled) => {
      const places = makePlaces(["name"]);
      const { name } = places.marks;
      const encoded = places.cut(`${fixed}${name}|${name}${fixed}`, String, QUOTED_PRINTABLE)({ name: filled });
      for (const line of encoded.split("\r\n")) assert.match(line, /^[\t -~]{0,76}$/);
      const read = await PostalMime.parse(
        `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${encoded}`,
      );
      const unified = (it: string): string => it.toWellFormed().replace(/\r\n?|\n/g, "\n");
      const meant = [fixed, filled, "|", filled, fixed].map(unified).join("");
      assert.equal(unified(read.text ?? "").trimEnd(), meant.trimEnd());
    }),
    { numRuns: 200, examples: NASTY.map((nasty): [string, string] => [nasty, nasty]) },
  );
});

test("plain addresses are taken as they are, and as the whole check takes them", () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
  fc.assert(
    fc.property(
      fc.stringMatching(/^[\w.+-]{1,12}$/),
      fc.array(label, { minLength: 1, maxLength: 4 }),
      (local, labels) => {
        const address = `${local}@${labels.join(".")}`;
        // A capital letter sends it the long way, which ends in lower case.
        assert.equal(mailAddress(address), mailAddress(`${local}@${labels.join(".").toUpperCase()}`));
      },
    ),
    {
      numRuns: 500,
      examples: [
        ["a", ["1", "2"]],
        ["a", ["xn--a"]],
        ["a", ["0x7f", "1"]],
        ["a", ["b--c", "1a"]],
        ["a", ["-a"]],
      ],
    },
  );
});
