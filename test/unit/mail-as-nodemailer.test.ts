import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import MailComposer from "nodemailer/lib/mail-composer";
import { composeMail } from "../../src/render/mail-mime.ts";

const TYPES = ["text/plain", "text/html", "text/calendar; method=REQUEST"];
const encodedPart = (no: number, body: string) => ({
  raw: `Content-Type: ${TYPES[no]}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${body}`,
});

/** The boundary is nodemailer's own and random: it is the same one wherever it stands. */
const withoutBoundary = (mail: Buffer): string => {
  const text = mail.toString();
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
  await fc.assert(
    fc.asyncProperty(
      name,
      name,
      fc.array(body, { minLength: 3, maxLength: 3 }),
      fc.boolean(),
      async (to, subject, bodies, dated) => {
        const [text = "", html = "", calendar = ""] = bodies;
        const common = {
          from: { name: "Forewarn", address: "forewarn@example.com" },
          to: { name: to, address: "dev@partner.example" },
          subject,
          messageId: "<msg_x@example.com>",
          date: new Date("2026-11-22T09:00:00Z"),
          headers: {
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": `<https://example.com/p/${"x".repeat(90)}>`,
          },
        };
        const ours = await composeMail({
          ...common,
          inReplyTo: null,
          text,
          html,
          calendar: dated ? { method: "REQUEST", body: calendar } : null,
        });
        const theirs = await new MailComposer({
          ...common,
          text: encodedPart(0, text),
          html: encodedPart(1, html),
          ...(dated ? { alternatives: [encodedPart(2, calendar)] } : {}),
          newline: "win",
        })
          .compile()
          .build();
        assert.equal(withoutBoundary(ours), withoutBoundary(theirs));
      },
    ),
    { numRuns: 100 },
  );
});
