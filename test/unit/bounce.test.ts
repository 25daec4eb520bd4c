import assert from "node:assert/strict";
import { test } from "node:test";
import { bounceKind, readReports, readStatusFields, typedAddress } from "../../src/domain/bounce.ts";
import { readReturnedMail } from "../../src/senders/bounce-mail.ts";
import { bounceMail } from "../support/bounce-mail.ts";

const ID = "msg_abcdefghijklmnopqrstuvwxyz";

test("5.x.x is hard and 4.x.x soft, but for full mailboxes and policies; only a failure is an end", () => {
  const table = [
    ["failed", "5.1.1", "hard"],
    ["failed", "5.0.0", "hard"],
    ["failed", "5.4.4", "hard"],
    ["failed", "5.2.2", "soft"],
    ["failed", "5.7.1", "soft"],
    ["failed", "4.4.7", "soft"],
    ["failed", "", "none"],
    ["delayed", "4.4.1", "none"],
    ["delayed", "5.1.1", "none"],
    ["delivered", "2.1.5", "none"],
    ["relayed", "2.0.0", "none"],
    ["expanded", "2.0.0", "none"],
    ["", "5.1.1", "none"],
  ] as const;
  for (const [action, code, kind] of table) assert.equal(bounceKind({ action, code }), kind, `${action} ${code}`);
});

test("status fields are read as RFC 3464 writes them: groups, folded lines, names in any case", () => {
  const groups = readStatusFields(
    "Reporting-MTA: dns;mx\r\nOriginal-Envelope-ID:\r\n env-1\r\n\r\nfinal-recipient: RFC822;Dev@Acme.example\r\nACTION: Failed (gave up)\r\nStatus: 5.1.1 (no\r\n such user)\r\n\r\n\r\n",
  );
  assert.equal(groups.length, 2);
  assert.equal(groups[0]?.get("original-envelope-id"), "env-1");
  assert.deepEqual(readReports(groups), [
    { action: "failed", code: "5.1.1", diagnostic: null, recipients: ["dev@acme.example"] },
  ]);
});

test("a status that is missing is taken from the diagnostic", () => {
  const groups = readStatusFields(
    "Final-Recipient: rfc822;a@b.example\nAction: failed\nDiagnostic-Code: smtp;550 5.1.10 gone",
  );
  assert.equal(readReports(groups)[0]?.code, "5.1.10");
});

test("an address of another kind is none", () => {
  assert.equal(typedAddress("rfc822; <Dev@Acme.example>"), "dev@acme.example");
  assert.equal(typedAddress("x400; /S=dev/"), null);
  assert.equal(typedAddress("rfc822; two@a.example, three@b.example"), null);
  assert.equal(typedAddress(undefined), null);
});

test("a report is read from its status and the returned headers, never from its prose or a quoted body", async () => {
  const returned = `Message-ID: <${ID}@example.com>\r\nTo: Acme <dev@acme.example>,\r\n other@acme.example\r\n\r\n<msg_zzzzzzzzzzzzzzzzzzzzzzzzzz@example.com>`;
  const read = await readReturnedMail(
    Buffer.from(bounceMail({ recipient: "dev@acme.example", returned, returnedType: "message/rfc822" })),
  );
  assert.ok(read?.kind === "report");
  assert.deepEqual(read.mailIds, [ID]);
  assert.deepEqual(read.to, ["dev@acme.example", "other@acme.example"]);
  assert.deepEqual(
    read.reports.map(({ action, code, recipients }) => [action, code, recipients]),
    [["failed", "5.1.1", ["dev@acme.example"]]],
  );
});

test("the envelope's id is enough", async () => {
  const read = await readReturnedMail(Buffer.from(bounceMail({ recipient: "a@b.example", envelopeId: ID })));
  assert.ok(read?.kind === "report");
  assert.deepEqual(read.mailIds, [ID]);
});

test("a mail that unsubscribes is known by its subject, whatever it says besides", async () => {
  const read = (subject: string) =>
    readReturnedMail(Buffer.from(`From: a@b.example\r\nSubject: ${subject}\r\n\r\nPlease.`));
  const token = "MQ.abcdefghijklmnopqrstuvwxyz0";
  const unsubscribing = { kind: "unsubscribing", token };
  assert.deepEqual(await read(`unsubscribe ${token}`), unsubscribing);
  assert.deepEqual(await read(`Unsubscribe  =?utf-8?Q?${token}?=`), unsubscribing);
  for (const other of ["unsubscribe", "unsubscribe ep_1", `Re: unsubscribe ${token}`, `unsubscribe ${token} now`])
    assert.equal(await read(other), null, other);
});

test("what is no report is left alone", async () => {
  const out =
    "From: a@b.example\r\nSubject: Out of office\r\nIn-Reply-To: <msg_abcdefghijklmnopqrstuvwxyz@x>\r\n\r\nI am away, 5.1.1";
  assert.equal(await readReturnedMail(Buffer.from(out)), null);
  assert.equal(await readReturnedMail(Buffer.from("")), null);
  assert.equal(await readReturnedMail(Buffer.from([0xff, 0xfe, 0, 1])), null);
  const nested = `${'Content-Type: multipart/mixed; boundary="a"\r\n\r\n--a\r\n'.repeat(60)}x`;
  assert.equal(await readReturnedMail(Buffer.from(nested)), null);
});
