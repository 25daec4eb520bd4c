import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import DataStream from "nodemailer/lib/smtp-connection/data-stream";
import { makeFinishedMails } from "../../src/senders/finished-mail.ts";

const throughNodemailer = (mail: string): Promise<Buffer> => {
  const stream = new DataStream();
  stream.end(mail);
  return buffer(stream);
};
const lines = fc.array(fc.constantFrom("", ".", "..", ". a", ".\t", "a", "a.", "é", "a\u2028.b", "x".repeat(9_000)), {
  maxLength: 12,
});

test("what follows DATA is byte for byte what nodemailer's own stream makes of the mail, whatever begins with a dot", async () => {
  const finished = makeFinishedMails(() => true);
  await fc.assert(
    fc.asyncProperty(lines, fc.constantFrom("", "\r\n"), async (given, end) => {
      const mail = given.join("\r\n") + end;
      fc.pre(mail !== "");
      const stream = new DataStream();
      finished(mail, () => undefined).pipe(stream);
      assert.deepEqual(await buffer(stream), await throughNodemailer(mail));
    }),
    { numRuns: 300 },
  );
});

test("a finished mail goes through nodemailer's stream as it is, once, and says when", async () => {
  const stream = new DataStream();
  let begun = 0;
  const mail = makeFinishedMails(() => true)("Subject: x\r\n\r\n.dot\r\n", () => {
    begun += 1;
  });
  assert.equal(begun, 0);
  mail.pipe(stream);
  assert.equal((await buffer(stream)).toString(), "Subject: x\r\n\r\n..dot\r\n.\r\n");
  assert.equal(begun, 1);
});

test("bytes that are not flushed yet stay as they are when the next mail begins", async () => {
  for (const flushed of [true, false]) {
    const finished = makeFinishedMails(() => flushed);
    const pushed = ["a\r\n", "b\r\n"].map((mail) => {
      const stream = new DataStream();
      finished(mail, () => undefined).pipe(stream);
      return stream;
    });
    const [first] = await Promise.all(pushed.map((stream) => buffer(stream)));
    assert.equal(first?.toString(), flushed ? "b\r\n.\r\n" : "a\r\n.\r\n");
  }
});
