import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { webhookId } from "../../src/senders/signature.ts";
import { atEnd } from "../support/at-end.ts";
import { scripted, senderTo } from "../support/mail-sending.ts";
import { startMailbox } from "../support/mailbox.ts";
import { until } from "../support/until.ts";

test("a mail that the relay takes is sent, with the headers of its delivery", async () => {
  const mailbox = await startMailbox();
  const { send } = senderTo(mailbox.url);
  const outcome = await send({
    delivery: "CHG-1042.r1.reminder-P14D.ep_7",
    threadRoot: "CHG-1042.r1.announcement.ep_7",
  });
  assert.equal(outcome.kind, "sent");
  assert.equal(outcome.kind === "sent" && outcome.code, 250);
  const [mail] = await mailbox.waitFor(1);
  assert.ok(mail);
  assert.equal(mail.from, "changes@example.com");
  assert.deepEqual(mail.to, ["dev@acme.example"]);
  const header = (name: string) => mail.parsed.headers.filter(({ key }) => key === name).map(({ value }) => value);
  const root = `<${webhookId("CHG-1042.r1.announcement.ep_7")}@example.com>`;
  assert.equal(mail.parsed.messageId, `<${webhookId("CHG-1042.r1.reminder-P14D.ep_7")}@example.com>`);
  assert.equal(mail.parsed.inReplyTo, root);
  assert.equal(mail.parsed.references, root);
  assert.equal(mail.parsed.subject, "[CHG-1042] Old token endpoints are shut down");
  assert.deepEqual(mail.parsed.from, { name: "API changes", address: "changes@example.com" });
  assert.deepEqual(mail.parsed.to, [{ name: "Acme Health", address: "dev@acme.example" }]);
  assert.equal(mail.parsed.date, "2026-11-22T09:00:00.000Z");
  assert.deepEqual(header("auto-submitted"), ["auto-generated"]);
  assert.deepEqual(header("forewarn-change"), ["CHG-1042"]);
  assert.deepEqual(header("forewarn-notice"), ["CHG-1042.r1.announcement"]);
  assert.match(mail.parsed.text ?? "", /Monday, 1 March 2027/);
  assert.match(mail.parsed.html ?? "", /Monday, 1 March 2027/);
});

test("a first mail answers no other, and each attempt of a delivery has one Message-ID", async () => {
  const mailbox = await startMailbox();
  const { send } = senderTo(mailbox.url);
  await send();
  await send();
  const [first, second] = await mailbox.waitFor(2);
  assert.equal(first?.parsed.inReplyTo, undefined);
  assert.equal(first?.parsed.references, undefined);
  assert.equal(first?.parsed.messageId, second?.parsed.messageId);
});

test("forty mails at once go over four connections, and one more is reused afterwards", async () => {
  const mailbox = await startMailbox();
  const { send } = senderTo(mailbox.url, { connections: 4 });
  const many = Array.from({ length: 40 }, (_, no) =>
    send({ delivery: `d.ep_${no + 1}`, address: `p${no}@acme.example` }),
  );
  for (const outcome of await Promise.all(many)) assert.equal(outcome.kind, "sent");
  assert.equal((await send()).kind, "sent");
  assert.equal(mailbox.connections(), 4);
  assert.equal(new Set(mailbox.mails.map((mail) => mail.parsed.messageId)).size, 41);
});

test("an address that is not exactly one is suppressed and never reaches the relay", async () => {
  const { send, relay } = await scripted(() => undefined);
  for (const address of [
    "a@acme.example, b@acme.example",
    "a@acme.example>\r\nRCPT TO:<eve@evil.example",
    "nobody",
    "",
  ]) {
    const outcome = await send({ address });
    assert.deepEqual(outcome.kind === "suppressed" && outcome.reason, "address-not-allowed");
  }
  assert.equal(relay.heard.length, 0);
});

test("an address in letters beyond ASCII goes to a relay with SMTPUTF8 and fails clearly at one without", async () => {
  const address = "jürgen@bücher.example";
  const able = await scripted((line) => (line.startsWith("EHLO") ? "250-relay\r\n250 SMTPUTF8" : undefined));
  assert.equal((await able.send({ address })).kind, "sent");
  const mailLine = able.relay.heard.flat().find((line) => line.startsWith("MAIL"));
  assert.match(mailLine ?? "", /SMTPUTF8$/);
  const unable = await scripted(() => undefined);
  const outcome = await unable.send({ address });
  assert.deepEqual(
    { ...outcome },
    {
      kind: "failed",
      code: null,
      error: "the address needs SMTPUTF8: the relay does not offer it",
      answer: null,
      endpoint: null,
    },
  );
  assert.equal((await unable.send()).kind, "sent");
});

test("connections end when the sender is closed", async () => {
  const { send, close, relay } = await scripted(() => undefined);
  await Promise.all([send(), send(), send()]);
  assert.ok(relay.open() > 0);
  await close();
  await until(() => relay.open() === 0, { what: "the connections to end" });
  assert.ok(relay.heard.every((lines) => lines.at(-1) === "QUIT"));
});

test("a template that faults under way is a retry that names file and line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "forewarn-mail-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "notice.text.liquid"), "\n{{ nothing.of.this }}");
  const { send, lines } = await scripted(() => undefined, { templatesFolder: folder });
  const outcome = await send();
  assert.match(outcome.kind === "retry" ? outcome.error : "", /notice\.text\.liquid, line 2/);
  assert.match(lines.join(""), /"line":2/);
});
