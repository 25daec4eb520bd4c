import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import MailComposer from "nodemailer/lib/mail-composer";
import { composeMail } from "../../src/render/mail-form.ts";

const TYPES = ["text/plain", "text/html", "text/calendar; method=REQUEST"];
const encodedPart = (no: number, body: string) => ({
  raw: `Content-Type: ${TYPES[no]}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${body}`,
});

/** The boundary is nodemailer's own and random: it is the same one wherever it stands. */
const withoutBoundary = (mail: string): string => {
  const text = mail;
  const [, boundary = ""] = /boundary="([^"]+)"/.exec(text) ?? [];
  assert.ok(boundary.length > 20, "a boundary that nobody can guess");
  return text.replaceAll(boundary, "BOUNDARY");
};

test("a mail is byte for byte what nodemailer's own composer makes of its parts, but for the boundary", async () => {
  const line = fc.stringMatching(/^[ -~]{0,70}$/).map((text) => text.trimEnd());
  const body = fc.array(line, { minLength: 1, maxLength: 8 }).map((lines) => lines.join("\r\n"));
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }).map(
    (text) =>
      text
        .replace(/[^\p{L}\p{N} ]/gu, "x")
        .trim()
        .replace(/ +/g, " ") || "x",
  );
  const asciiName = fc.stringMatching(/^[!-~]+(?: [!-~]+){0,3}$/).map((text) => text.replaceAll("=?", "x"));
  const plainName = fc.stringMatching(/^\w+(?: \w+){0,9}$/);
  const address = fc.constantFrom(
    "dev@partner.example",
    "first.last+tag_1@sub-1.partner.example",
    "dev@xn--bcher-kva.example",
    "j\u00fcrgen@xn--bcher-kva.example",
    "o'neil@partner.example",
    `${"a".repeat(64)}@${"b".repeat(60)}.example`,
  );
  const link = fc.constantFrom(
    "",
    "<https://example.com/short>",
    `<https://example.com/p/${"x".repeat(90)}>, <mailto:a@b.c>`,
  );
  const root = fc.constantFrom(null, "<msg_root@example.com>", `<msg_${"r".repeat(70)}@example.com>`);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        name: fc.oneof(name, plainName, asciiName),
        address,
        subject: name,
        link,
        root,
        dated: fc.boolean(),
      }),
      fc.array(body, { minLength: 3, maxLength: 3 }),
      async (given, bodies) => {
        const [text = "", html = "", calendar = ""] = bodies;
        const common = {
          from: { name: "Forewarn", address: "forewarn@example.com" },
          to: { name: given.name, address: given.address },
          subject: given.subject,
          messageId: "<msg_x@example.com>",
          date: new Date("2026-11-22T09:00:00Z"),
          headers: {
            "Auto-Submitted": "auto-generated",
            ...(given.link === "" ? {} : { "List-Unsubscribe": given.link }),
          },
        };
        const ours = composeMail({
          ...common,
          inReplyTo: given.root,
          text,
          html,
          calendar: given.dated ? { method: "REQUEST", body: calendar } : null,
        });
        const theirs = await new MailComposer({
          ...common,
          ...(given.root === null ? {} : { inReplyTo: given.root, references: given.root }),
          text: encodedPart(0, text),
          html: encodedPart(1, html),
          ...(given.dated ? { alternatives: [encodedPart(2, calendar)] } : {}),
          newline: "win",
        })
          .compile()
          .build();
        assert.equal(withoutBoundary(ours), withoutBoundary(theirs.toString()));
      },
    ),
    { numRuns: 200 },
  );
});
