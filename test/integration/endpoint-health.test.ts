import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { insertDisabledNotice } from "../../src/ledger/endpoint-health.ts";
import { inDays } from "../support/days.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

/** Two attempts a delivery, a tenth of a second apart. */
const policy = {
  ...DEFAULT_POLICY,
  disableAfter: "PT0.05S",
  retries: { ...DEFAULT_POLICY.retries, webhook: ["PT0.1S"] },
};

const start = async (partner: string, given: Partial<typeof policy> = {}): Promise<Pipeline> => {
  const pipeline = await startPipeline({ policy: { ...policy, ...given } });
  await pipeline.addService("api");
  await pipeline.addPartner(partner, ["email", "webhook"]);
  return pipeline;
};

const announce = async (pipeline: Pipeline, change: string): Promise<void> => {
  const fields = { category: "emergency", service: "api", title: `About ${change}` };
  await pipeline.announce({ change, ...fields, releaseAt: inDays(1) });
};

type Webhook = { no: number; status: string; failing: boolean; exhausted: number };
const webhookOf = async ({ sql }: Pipeline): Promise<Webhook> => {
  const { rows } = await sql.query<Webhook>(
    "SELECT no, status, failing_since IS NOT NULL AS failing, exhausted FROM endpoints WHERE channel = 'webhook'",
  );
  assert.ok(rows[0]);
  return rows[0];
};

const notices = async ({ sql }: Pipeline): Promise<number> =>
  (await sql.query("SELECT FROM notices WHERE kind = 'endpoint-disabled'")).rowCount ?? 0;

const switchedOff = ({ mailbox }: Pipeline, to: string) =>
  mailbox.to(to).filter((mail) => mail.parsed.subject?.includes("switched off"));
/** What the mails about it say, in one line each, once there is one. */
const told = (pipeline: Pipeline, to: string) =>
  until(() => (switchedOff(pipeline, to).length > 0 ? switchedOff(pipeline, to) : null), {
    what: "the mail",
  }).then((mails) => mails.map(({ parsed }) => (parsed.text ?? "").replace(/\s+/g, " ")));

test("an endpoint that keeps failing is disabled, what waits for it is skipped, and its partner is told once by mail", async () => {
  const pipeline = await start("acme");
  // The first is put off by the receiver itself, and so still waits when the endpoint is disabled.
  pipeline.receiver.script(
    "/acme",
    { kind: "answer", status: 503, headers: { "retry-after": "3600" } },
    { kind: "answer", status: 500 },
  );
  await announce(pipeline, "CHG-1");
  await pipeline.receiver.waitFor(1, { path: "/acme" });
  await until(async () => (await webhookOf(pipeline)).failing, { what: "the failure is on record" });
  await announce(pipeline, "CHG-2");
  await until(async () => (await webhookOf(pipeline)).exhausted === 1, { what: "one delivery used up its retries" });
  assert.equal((await webhookOf(pipeline)).status, "active");
  await announce(pipeline, "CHG-3");
  await until(async () => (await webhookOf(pipeline)).status === "disabled", { what: "the endpoint is disabled" });
  await pipeline.quiet();

  const { rows } = await pipeline.sql.query(
    `SELECT n.change, d.status, d.reason FROM deliveries d JOIN notices n ON n.no = d.notice
     WHERE d.channel = 'webhook' ORDER BY n.no`,
  );
  assert.deepEqual(rows, [
    { change: "CHG-1", status: "skipped", reason: "endpoint-disabled" },
    { change: "CHG-2", status: "failed", reason: "retries-used-up" },
    { change: "CHG-3", status: "failed", reason: "retries-used-up" },
  ]);
  const [mail = "", ...more] = await told(pipeline, "acme@partner.example");
  assert.equal(more.length, 0);
  const { no } = await webhookOf(pipeline);
  assert.ok(mail.includes(pipeline.receiver.url("acme")), mail);
  assert.match(mail, new RegExp(`ep_${no}\\): it has failed since \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC`));
  assert.match(mail, /500: the receiver failed/);

  await announce(pipeline, "CHG-4");
  await pipeline.quiet();
  assert.equal(pipeline.receiver.at("/acme").length, 5, "nothing more is sent to it");
  assert.equal(await notices(pipeline), 1);
});

test("a success between failures keeps an endpoint active, however long it has had trouble", async () => {
  const pipeline = await start("initech");
  const fail = { kind: "answer", status: 500 } as const;
  const take = { kind: "answer", status: 204 } as const;
  pipeline.receiver.script("/initech", fail, fail, take, fail, fail, take);
  for (const change of ["CHG-1", "CHG-2", "CHG-3", "CHG-4"]) {
    await announce(pipeline, change);
    await pipeline.quiet();
  }
  assert.deepEqual(await pipeline.counts(), { failed: 2, sent: 6 });
  const { status, failing, exhausted } = await webhookOf(pipeline);
  assert.deepEqual({ status, failing, exhausted }, { status: "active", failing: false, exhausted: 0 });
  assert.equal(await notices(pipeline), 0);
});

test("two deliveries that used up their retries disable nothing before the time is over", async () => {
  const pipeline = await start("umbrella", { disableAfter: "PT1H" });
  pipeline.receiver.script("/umbrella", { kind: "answer", status: 500 });
  for (const change of ["CHG-1", "CHG-2", "CHG-3"]) {
    await announce(pipeline, change);
    await pipeline.quiet();
  }
  const before = await webhookOf(pipeline);
  assert.deepEqual([before.status, before.exhausted], ["active", 2]);
  await pipeline.sql.query(
    "UPDATE endpoints SET failing_since = now() - interval '61 minutes' WHERE channel = 'webhook'",
  );
  await announce(pipeline, "CHG-4");
  await until(async () => (await webhookOf(pipeline)).status === "disabled", { what: "the endpoint is disabled" });
});

test("410 disables at once, and the partner is told", async () => {
  const pipeline = await start("hooli");
  pipeline.receiver.script("/hooli", { kind: "answer", status: 410 });
  await announce(pipeline, "CHG-1");
  const mails = await told(pipeline, "hooli@partner.example");
  assert.equal(mails.length, 1);
  assert.match(mails[0] ?? "", /410: the receiver wants no more/);
  assert.equal((await webhookOf(pipeline)).status, "disabled");
  assert.equal(pipeline.receiver.at("/hooli").length, 1);
});

test("an erased address is in no mail about its disabling", async () => {
  const pipeline = await start("stark");
  pipeline.receiver.script("/stark", { kind: "answer", status: 410 });
  await pipeline.sql.query("UPDATE installation SET paused_at = now()");
  const { no } = await webhookOf(pipeline);
  await insertDisabledNotice(pipeline.sql, { endpoint: no, reason: "it has failed" });
  const url = pipeline.receiver.url("stark");
  await pipeline.sql.query("UPDATE endpoints SET address = '', deleted_at = now() WHERE no = $1", [no]);
  await pipeline.sql.query("UPDATE installation SET paused_at = NULL");
  const [mail = ""] = await told(pipeline, "stark@partner.example");
  assert.ok(mail.includes(`ep_${no}: it has failed`), mail);
  assert.ok(!mail.includes(url));
});
