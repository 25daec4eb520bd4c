import assert from "node:assert/strict";
import { test } from "node:test";
import { makeAcknowledge } from "../../src/flow/acknowledge.ts";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import { inTransaction } from "../../src/ledger/connection.ts";
import { startProviderMails } from "../../src/processes/provider-mails.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

const CONTACT = "api-team@provider.example";

const open = async (running: boolean): Promise<Pipeline> => {
  const pipeline = await startPipeline({ running: false });
  await pipeline.addService("payments");
  await pipeline.addPartner("acme", ["email"]);
  await pipeline.announce({ change: "CHG-1", category: "normal", service: "payments", title: "Tokens expire" });
  if (running) run(pipeline);
  return pipeline;
};
const run = (pipeline: Pipeline): void => {
  const running = startProviderMails({ ...pipeline.parts, config: { ...pipeline.parts.config, contact: CONTACT } });
  atEnd(() => running.stop());
};
const acknowledgeIn = ({ parts }: Pipeline, { contact }: { contact: string | undefined } = { contact: CONTACT }) =>
  makeAcknowledge({
    ledger: parts.ledger,
    tellProvider: makeTellProvider({ contact, log: quietLog }),
    publicUrl: "https://notices.example.com",
    log: quietLog,
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
  await until(
    async () => (await pipeline.sql.query("SELECT FROM provider_mails WHERE sent_at IS NULL")).rowCount === 0,
    { what: "all is sent" },
  );
  assert.equal(pipeline.mailbox.to(CONTACT).length, 2);
});

test("what is rolled back tells nobody; without a contact it is recorded all the same", async () => {
  const pipeline = await open(false);
  const tellProvider = makeTellProvider({ contact: CONTACT, log: quietLog });
  await assert.rejects(
    inTransaction(pipeline.parts.ledger.pools.urgent, async (sql) => {
      assert.equal(await tellProvider(sql, { kind: "k", subject: "s", body: "b", dedupe: "d" }), "told");
      assert.equal(await tellProvider(sql, { kind: "k", subject: "s", body: "b", dedupe: "d" }), "told-before");
      throw new Error("rolled back");
    }),
    /rolled back/,
  );
  assert.equal((await acknowledgeIn(pipeline, { contact: undefined })(HELP)).kind, "recorded");
  assert.equal((await pipeline.sql.query("SELECT FROM provider_mails")).rowCount, 0);
});

test("a mail to the contact survives a relay that refuses it, and a process that ends before it is sent", async () => {
  const pipeline = await open(false);
  const acknowledge = acknowledgeIn(pipeline);
  await acknowledge(HELP);
  pipeline.mailbox.refuse({ stage: "rcpt", answer: { code: 451, text: "later" }, times: 1 });
  run(pipeline);
  const failed = await until(
    async () =>
      (
        await pipeline.sql.query<{ attempts: number; error: string; waits: boolean }>(
          "SELECT attempts, error, due_at > now() AS waits FROM provider_mails WHERE error IS NOT NULL",
        )
      ).rows[0],
    { what: "the first attempt failed" },
  );
  assert.deepEqual([failed.attempts, failed.waits], [1, true]);
  assert.match(failed.error, /later/);
  // Half a minute later.
  await pipeline.sql.query("UPDATE provider_mails SET due_at = now()");
  await pipeline.mailbox.waitFor(1, { to: CONTACT });
  await until(
    async () => (await pipeline.sql.query("SELECT FROM provider_mails WHERE sent_at IS NOT NULL")).rowCount === 1,
    { what: "it is known to be sent" },
  );
});

test("while the relay cannot be reached mails wait without using up attempts", async () => {
  const pipeline = await open(false);
  await acknowledgeIn(pipeline)(HELP);
  await pipeline.mailbox.close();
  run(pipeline);
  const { attempts } = await until(
    async () =>
      (
        await pipeline.sql.query<{ attempts: number }>(
          "SELECT attempts FROM provider_mails WHERE error LIKE '%cannot be reached%' AND due_at > now()",
        )
      ).rows[0],
    { what: "the relay was not there" },
  );
  assert.equal(attempts, 0);
});
