import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { Webhook } from "standardwebhooks";
import { startMailbox } from "../support/mailbox.ts";
import { startReceiver } from "../support/receiver.ts";
import { connectRedis, freshLedger, freshRedis, privateRedis } from "../support/servers.ts";
import { until } from "../support/until.ts";

const mail = (to: string) => ({ from: "a@example.com", to, subject: "Line", text: "one\n.two\n" });

test("two ledgers of one file see nothing of each other", async () => {
  const [one, two] = [await freshLedger(), await freshLedger()];
  await one.ledger.pools.routine.query(
    "INSERT INTO services (service, title, business_critical) VALUES ('pay', 'Pay', false)",
  );
  assert.equal((await one.ledger.pools.routine.query("SELECT 1 FROM services")).rowCount, 1);
  assert.equal((await two.ledger.pools.routine.query("SELECT 1 FROM services")).rowCount, 0);
});

test("two prefixes share one Redis", async () => {
  const [one, two] = [await freshRedis(), await freshRedis()];
  assert.equal(one.url, two.url);
  assert.notEqual(one.prefix, two.prefix);
});

test("a private Redis comes back at the same URL with what it had", async () => {
  const server = await privateRedis();
  const redis = connectRedis(server.url);
  await redis.set("kept", "yes");
  await server.stop();
  await server.start();
  assert.equal(await redis.get("kept"), "yes");
});

test("a receiver answers by its script, the last answer for good, and records what came", async () => {
  const receiver = await startReceiver();
  receiver.script(
    "/a",
    { kind: "answer", status: 503, headers: { "retry-after": "7" } },
    { kind: "answer", status: 200 },
  );
  const statuses: number[] = [];
  for (const body of ["1", "2", "3"]) {
    const answer = await fetch(receiver.url("/a"), { method: "POST", body });
    statuses.push(answer.status);
    if (body === "1") assert.equal(answer.headers.get("retry-after"), "7");
  }
  assert.deepEqual(statuses, [503, 200, 200]);
  assert.deepEqual(
    (await receiver.waitFor(3, { path: "/a" })).map(({ body }) => body.toString()),
    ["1", "2", "3"],
  );
});

test("a receiver verifies a Standard Webhooks signature and refuses a changed body", async () => {
  const receiver = await startReceiver();
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const at = new Date();
  const body = '{"test":1}';
  const headers = {
    "webhook-id": "msg_1",
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": new Webhook(secret).sign("msg_1", at, body),
  };
  await fetch(receiver.url("/a"), { method: "POST", body, headers });
  await fetch(receiver.url("/a"), { method: "POST", body: '{"test":2}', headers });
  const [genuine, changed] = await receiver.waitFor(2);
  assert.ok(genuine && changed);
  assert.deepEqual(receiver.verify(genuine, secret), { test: 1 });
  assert.throws(() => receiver.verify(changed, secret), /No matching signature/);
});

test("a receiver can reset, hang and drip", async () => {
  const receiver = await startReceiver();
  receiver.script("/reset", { kind: "reset" });
  receiver.script("/hang", { kind: "hang" });
  receiver.script("/drip", { kind: "drip", everyMs: 10 });
  const ask = (path: string): Promise<{ code: string; bytes: number }> =>
    new Promise((resolve) => {
      let bytes = 0;
      const end = (code: string): void => resolve({ code, bytes });
      request(receiver.url(path), { signal: AbortSignal.timeout(300) }, (response) => {
        response.on("data", (part: Buffer) => {
          bytes += part.length;
        });
        response.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
      })
        .on("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.name))
        .end();
    });
  assert.equal((await ask("/reset")).code, "ECONNRESET");
  assert.deepEqual(await ask("/hang"), { code: "ABORT_ERR", bytes: 0 });
  const dripped = await ask("/drip");
  assert.equal(dripped.code, "ABORT_ERR");
  assert.ok(dripped.bytes >= 2, `${dripped.bytes} bytes came in time`);
});

test("a mailbox keeps each mail raw and parsed", async () => {
  const mailbox = await startMailbox();
  await createTransport(mailbox.url).sendMail(mail("p@example.net"));
  const [got] = await mailbox.waitFor(1, { to: "p@example.net" });
  assert.equal(got?.parsed.subject, "Line");
  assert.equal(got?.parsed.text?.trim(), "one\n.two");
  assert.deepEqual([got?.from, got?.to], ["a@example.com", ["p@example.net"]]);
  assert.match(got?.raw.toString() ?? "", /^From: a@example\.com\r\n/m);
});

for (const stage of ["greeting", "mail", "rcpt", "data"] as const)
  test(`a mailbox refuses once at ${stage} and accepts the next`, async () => {
    const mailbox = await startMailbox();
    mailbox.refuse({ stage, answer: { code: 451, text: "not now" }, times: 1 });
    const transport = createTransport(mailbox.url);
    await assert.rejects(transport.sendMail(mail("p@example.net")), { responseCode: 451 });
    await transport.sendMail(mail("p@example.net"));
    assert.equal(mailbox.mails.length, 1);
  });

test("a mailbox refuses only the recipient it was told to", async () => {
  const mailbox = await startMailbox();
  mailbox.refuse({ stage: "rcpt", address: /^gone@/, answer: { code: 550, text: "no such user" } });
  const transport = createTransport(mailbox.url);
  await assert.rejects(transport.sendMail(mail("gone@example.net")), { responseCode: 550 });
  await transport.sendMail(mail("here@example.net"));
  assert.deepEqual(
    mailbox.mails.map(({ to }) => to),
    [["here@example.net"]],
  );
});

test("waiting in vain says what for, how long, and what the condition threw", async () => {
  const vain = until(
    () => {
      throw new Error("no such row");
    },
    { deadlineMs: 50, what: "a row" },
  );
  await assert.rejects(vain, (error: Error) => {
    assert.equal(error.message, "not within 50 ms: a row");
    assert.equal((error.cause as Error).message, "no such row");
    return true;
  });
});
