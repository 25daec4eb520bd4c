import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAcknowledge } from "../../src/flow/acknowledge.ts";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import { inTransaction } from "../../src/ledger/connection.ts";
import { contactChannels, startProviderAlerts } from "../../src/processes/provider-alerts.ts";
import { newSecret } from "../../src/senders/signature.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

const CONTACT = "api-team@provider.example";

const SECRET = newSecret();
const PATH = "/api-team";

type Contact = { contact: string | undefined; contactWebhook: { url: string; secret: string } | undefined };
const MAIL_ONLY: Contact = { contact: CONTACT, contactWebhook: undefined };
const bothTo = ({ receiver }: Pipeline): Contact => ({
  contact: CONTACT,
  contactWebhook: { url: receiver.url(PATH), secret: SECRET },
});

const open = async (running: boolean): Promise<Pipeline> => {
  const pipeline = await startPipeline({ running: false });
  await pipeline.addService("payments");
  await pipeline.addPartner("acme", ["email"]);
  await pipeline.announce({ change: "CHG-1", category: "normal", service: "payments", title: "Tokens expire" });
  if (running) await run(pipeline);
  return pipeline;
};
/** Starts what tells the contact. */
const run = async (pipeline: Pipeline, contact: Contact = MAIL_ONLY): Promise<void> => {
  const parts = { ...pipeline.parts, config: { ...pipeline.parts.config, ...contact } };
  for (const channel of ["email", "webhook"] as const) {
    const running = await startProviderAlerts(channel, parts);
    atEnd(() => running.stop());
  }
};
const acknowledgeIn = ({ parts }: Pipeline, contact: Contact = MAIL_ONLY) =>
  makeAcknowledge({
    ledger: parts.ledger,
    tellProvider: makeTellProvider({ channels: contactChannels(contact), log: quietLog }),
    publicUrl: "https://notices.example.com",
    log: quietLog,
  });
type Row = { channel: string; status: string; attempts: number; error: string | null; waitsMs: number };
const rows = async ({ sql }: Pipeline): Promise<Row[]> =>
  (
    await sql.query<Row>(
      `SELECT channel, status, attempts, error, extract(epoch FROM due_at - now())::float8 * 1000 AS "waitsMs"
       FROM provider_alerts ORDER BY no`,
    )
  ).rows;
/** The row of one channel once it fits. */
const rowOf = (pipeline: Pipeline, channel: string, fits: (row: Row) => boolean): Promise<Row> =>
  until(async () => (await rows(pipeline)).find((row) => row.channel === channel && fits(row)), {
    what: `an alert by ${channel} as it should be`,
  });
const HELP = {
  change: "CHG-1",
  partner: "acme",
  revision: 1,
  status: "needs-help",
  by: "Ann\u202E <ann@acme.example>",
  note: "We cannot\nreach <b>you</b>.",
} as const;

test("a partner who needs help is in the contact's mailbox at once, in their own words", async () => {
  const pipeline = await open(true);
  assert.equal((await acknowledgeIn(pipeline)(HELP)).kind, "recorded");
  const [mail] = await pipeline.mailbox.waitFor(1, { to: CONTACT });
  assert.equal(mail?.parsed.subject, "[CHG-1] acme Ltd needs help");
  assert.match(mail?.parsed.text ?? "", /asks for help with CHG-1, revision 1:\nTokens expire/);
  assert.match(
    mail?.parsed.text ?? "",
    /Said by Ann <ann@acme\.example>\.\nYou can answer them at acme@partner\.example\./,
  );
  assert.match(mail?.parsed.text ?? "", /CHG-1\/proof\.html/);
  assert.match(mail?.parsed.text ?? "", /We cannot\nreach <b>you<\/b>\./);
  assert.ok(!(mail?.parsed.text ?? "").includes("\u202E"), "nothing reorders what is read");
  assert.match(mail?.parsed.html ?? "", /&lt;b&gt;you&lt;\/b&gt;/);
  assert.equal(mail?.parsed.headers.find(({ key }) => key === "auto-submitted")?.value, "auto-generated");
});

test("the same cry for help is one mail, another note is another; other words are none", async () => {
  const pipeline = await open(true);
  const acknowledge = acknowledgeIn(pipeline);
  await acknowledge(HELP);
  assert.equal((await acknowledge(HELP)).kind, "repeated");
  await acknowledge({ ...HELP, status: "seen" });
  assert.equal((await acknowledge(HELP)).kind, "recorded");
  await acknowledge({ ...HELP, note: "Still not." });
  await pipeline.mailbox.waitFor(2, { to: CONTACT });
  await until(async () => (await rows(pipeline)).every(({ status }) => status === "sent"), { what: "all is sent" });
  assert.equal(pipeline.mailbox.to(CONTACT).length, 2);
});

test("what is rolled back tells nobody; without a contact it is recorded all the same", async () => {
  const pipeline = await open(false);
  const tellProvider = makeTellProvider({ channels: ["email", "webhook"], log: quietLog });
  await assert.rejects(
    inTransaction(pipeline.parts.ledger.pools.urgent, async (sql) => {
      const alert = { kind: "short", change: "CHG-1", subject: "s", body: "b", facts: {}, dedupe: "d" } as const;
      assert.equal(await tellProvider(sql, alert), "told");
      assert.equal(await tellProvider(sql, alert), "told-before");
      throw new Error("rolled back");
    }),
    /rolled back/,
  );
  assert.equal(
    (await acknowledgeIn(pipeline, { contact: undefined, contactWebhook: undefined })(HELP)).kind,
    "recorded",
  );
  assert.deepEqual(await rows(pipeline), []);
});

test("a mail to the contact survives a relay that refuses it, and a process that ends before it is sent", async () => {
  const pipeline = await open(false);
  const acknowledge = acknowledgeIn(pipeline);
  await acknowledge(HELP);
  pipeline.mailbox.refuse({ stage: "rcpt", answer: { code: 451, text: "later" }, times: 1 });
  await run(pipeline);
  const failed = await rowOf(pipeline, "email", ({ error }) => error !== null);
  assert.deepEqual([failed.status, failed.attempts, failed.waitsMs > 0], ["waiting", 1, true]);
  assert.match(failed.error ?? "", /later/);
  // Half a minute later.
  await pipeline.sql.query("UPDATE provider_alerts SET due_at = now()");
  await pipeline.mailbox.waitFor(1, { to: CONTACT });
  await rowOf(pipeline, "email", ({ status }) => status === "sent");
});

test("while the relay cannot be reached mails wait without using up attempts", async () => {
  const pipeline = await open(false);
  await acknowledgeIn(pipeline)(HELP);
  await pipeline.mailbox.close();
  await run(pipeline);
  const { attempts } = await rowOf(
    pipeline,
    "email",
    ({ error, waitsMs }) => (error ?? "").includes("cannot be reached") && waitsMs > 0,
  );
  assert.equal(attempts, 0);
});

test("a partner who needs help is told to the contact's webhook too: signed, for programs and for people", async () => {
  const pipeline = await open(false);
  const contact = bothTo(pipeline);
  await run(pipeline, contact);
  assert.equal((await acknowledgeIn(pipeline, contact)(HELP)).kind, "recorded");
  const [[webhook], [mail]] = await Promise.all([
    pipeline.receiver.waitFor(1, { path: PATH }),
    pipeline.mailbox.waitFor(1, { to: CONTACT }),
  ]);
  assert.ok(webhook && mail);
  assert.equal(webhook.headers["content-type"], "application/cloudevents+json");
  const { id, time, data, ...envelope } = pipeline.receiver.verify(webhook, SECRET) as Record<string, unknown>;
  assert.equal(id, webhook.headers["webhook-id"]);
  assert.ok(Math.abs(Date.parse(String(time)) - webhook.at) < 10_000);
  assert.deepEqual(envelope, {
    specversion: "1.0",
    source: pipeline.parts.config.publicUrl,
    type: "forewarn.provider.needs-help",
    subject: "CHG-1",
    datacontenttype: "application/json",
  });
  const { summary, text, ...facts } = data as Record<string, unknown>;
  assert.equal(summary, mail.parsed.subject);
  assert.equal(text, mail.parsed.text?.trimEnd(), "people read the same in both");
  assert.deepEqual(facts, {
    change: "CHG-1",
    revision: 1,
    title: "Tokens expire",
    partner: "acme",
    name: "acme Ltd",
    by: HELP.by,
    note: HELP.note,
    contacts: ["acme@partner.example"],
    links: { page: "https://notices.example.com/v1/changes/CHG-1/proof.html" },
  });
  await rowOf(pipeline, "webhook", ({ status }) => status === "sent");
});

test("a webhook that fails is told again with the same id, no sooner than it asks, and keeps no mail from going", async () => {
  const pipeline = await open(false);
  const contact = bothTo(pipeline);
  const busy = { kind: "answer", status: 503, headers: { "retry-after": "600" } } as const;
  pipeline.receiver.script(PATH, busy, { kind: "answer", status: 200 });
  await run(pipeline, contact);
  await acknowledgeIn(pipeline, contact)(HELP);
  await pipeline.mailbox.waitFor(1, { to: CONTACT });
  const failed = await rowOf(pipeline, "webhook", ({ error }) => error !== null);
  assert.deepEqual([failed.status, failed.attempts], ["waiting", 1]);
  assert.ok(failed.waitsMs > 500_000, `it waits ${failed.waitsMs} ms`);
  await pipeline.sql.query("UPDATE provider_alerts SET due_at = now() WHERE channel = 'webhook'");
  const sent = await rowOf(pipeline, "webhook", ({ status }) => status === "sent");
  assert.deepEqual([sent.attempts, sent.error], [2, null]);
  const [first, second, ...more] = pipeline.receiver.at(PATH);
  assert.deepEqual([first?.headers["webhook-id"], first?.body], [second?.headers["webhook-id"], second?.body]);
  assert.equal(more.length, 0);
  assert.equal(pipeline.mailbox.to(CONTACT).length, 1);
});

test("a webhook that answers 410 gets that alert no more; an address that webhooks may not reach gets nothing", async () => {
  const pipeline = await open(false);
  const contact = bothTo(pipeline);
  pipeline.receiver.script(PATH, { kind: "answer", status: 410 });
  await run(pipeline, contact);
  await acknowledgeIn(pipeline, contact)(HELP);
  const gone = await rowOf(pipeline, "webhook", ({ status }) => status !== "waiting");
  assert.deepEqual([gone.status, gone.attempts], ["refused", 1]);
  assert.match(gone.error ?? "", /^410: /);

  const shut = await open(false);
  shut.parts.config = { ...shut.parts.config, webhookAllow: [] };
  await run(shut, bothTo(shut));
  await acknowledgeIn(shut, bothTo(shut))(HELP);
  const refused = await rowOf(shut, "webhook", ({ error }) => error !== null);
  assert.equal(refused.status, "waiting", "the operator can mend it");
  assert.match(refused.error ?? "", /may not be reached/);
  assert.equal(shut.receiver.received.length, 0);
});
