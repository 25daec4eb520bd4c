import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { tokensExpire } from "../support/tokens-expire.ts";
import { until } from "../support/until.ts";

type Deliveries = { partner: string; notice: string; status: string; reason: string | null }[];

const deliveriesOf = async ({ sql }: Pipeline, partner: string): Promise<Deliveries> =>
  (
    await sql.query<Deliveries[number]>(
      `SELECT e.partner, n.id AS notice, d.status, d.reason FROM deliveries d JOIN notices n ON n.no = d.notice
       JOIN endpoints e ON e.no = d.endpoint WHERE e.partner = $1 ORDER BY n.no, e.no`,
      [partner],
    )
  ).rows;

/** The kinds of notice that a partner's webhook got, in order. */
const kindsAt = ({ receiver }: Pipeline, partner: string): string[] =>
  receiver
    .at(`/${partner}`)
    .map(({ body }) => (JSON.parse(body.toString()) as { data: { notice: { kind: string } } }).data.notice.kind);

test("a cancelled change is taken back with those who were told of it, and with nobody else", async () => {
  // Long enough that no attempt is repeated before the change is cancelled.
  const retries = { ...DEFAULT_POLICY.retries, webhook: ["PT1H"] };
  const pipeline = await startPipeline({ policy: { ...DEFAULT_POLICY, retries } });
  const { sql, receiver, mailbox } = pipeline;
  await pipeline.addService("payments");
  await pipeline.addService("search");
  await pipeline.addPartner("told", ["email", "webhook"]);
  await pipeline.addPartner("tried", ["webhook"]);
  await pipeline.addPartner("left", ["webhook"]);
  await pipeline.addPartner("elsewhere", ["email", "webhook"], { subscriptions: ["search"] });
  receiver.script("/tried", { kind: "answer", status: 500 });
  await pipeline.announce(tokensExpire());
  await receiver.waitFor(1, { path: "/told" });
  await receiver.waitFor(1, { path: "/left" });
  await mailbox.waitFor(1);
  await until(async () => (await sql.query("SELECT FROM deliveries WHERE first_code = 500")).rowCount === 1, {
    what: "the failed attempt is recorded",
  });

  // One leaves; another joins, and is to be told when the change is cancelled.
  await sql.query("UPDATE partners SET left_at = now() WHERE partner = 'left'");
  await sql.query("UPDATE changes SET paused_at = now()");
  await pipeline.addPartner("joined", ["email", "webhook"]);
  await until(async () => (await deliveriesOf(pipeline, "joined")).length === 2, { what: "its announcement waits" });
  await pipeline.say("cancelled", { change: "CHG-1", reason: "Not needed any more" });
  await until(async () => (await deliveriesOf(pipeline, "told")).length === 4, {
    what: "the word of it is fanned out",
  });
  await sql.query("UPDATE changes SET paused_at = NULL");
  receiver.script("/tried", { kind: "answer", status: 204 });
  await pipeline.quiet();
  await pipeline.addPartner("after", ["email", "webhook"]);
  await until(async () => (await sql.query("SELECT FROM endpoints WHERE unwelcomed")).rowCount === 0, {
    what: "who came later is seen to",
  });
  await pipeline.quiet();

  const heard = Object.fromEntries(
    ["told", "tried", "left", "elsewhere", "joined", "after"].map((partner) => [partner, kindsAt(pipeline, partner)]),
  );
  assert.deepEqual(heard, {
    told: ["announcement", "cancelled"],
    // Its host may have understood what it answered with a failure.
    tried: ["announcement", "cancelled"],
    left: ["announcement"],
    elsewhere: [],
    joined: [],
    after: [],
  });
  assert.deepEqual(
    mailbox.mails.map(({ to, parsed }) => [to[0], parsed.headers.find(({ key }) => key === "forewarn-notice")?.value]),
    [
      ["told@partner.example", "CHG-1.r1.announcement"],
      ["told@partner.example", "CHG-1.r2.cancelled"],
    ],
  );
  assert.deepEqual(await deliveriesOf(pipeline, "joined"), [
    { partner: "joined", notice: "CHG-1.r1.announcement", status: "skipped", reason: "superseded" },
    { partner: "joined", notice: "CHG-1.r1.announcement", status: "skipped", reason: "superseded" },
  ]);
  assert.deepEqual(await deliveriesOf(pipeline, "after"), []);
});
