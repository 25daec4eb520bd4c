import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { makeLog } from "../../src/log.ts";
import { makeOutages } from "../../src/outages.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { startSender } from "../../src/processes/sender.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

test("while the relay is gone mails wait without using up an attempt, the lane does not spin, and the log says so once", async () => {
  const pipeline = await startPipeline({ running: false });
  const { parts, sql, mailbox } = pipeline;
  const lines: { level: number; msg: string; awayMs?: number; failed?: { mails: number } }[] = [];
  const log = makeLog("info", { write: (line) => void lines.push(JSON.parse(line)) });
  const telling = { ...parts, log, outages: makeOutages({ log }) };
  await pipeline.addService("api");
  await pipeline.addPartners(450, "email");
  mailbox.refuse({ stage: "greeting", answer: { code: 421, text: "closed for today" } });
  const started = await Promise.all([startScheduler(telling), startSender("email", telling)]);
  atEnd(() => Promise.all(started.map((one) => one.stop())));
  await pipeline.announce({ change: "CHG-1", category: "major", service: "api", title: "x", releaseAt: "2099-01-01" });

  const waits = async (): Promise<{ waiting: number; attempts: number; reasons: number; chunks: number }> => {
    const { rows } = await sql.query(
      `SELECT count(*) FILTER (WHERE status = 'waiting' AND chunk IS NULL AND due_at > now()) AS waiting,
              sum(attempts)::int8 AS attempts, count(*) FILTER (WHERE status <> 'waiting') AS ended,
              (SELECT count(*) FROM chunks) AS chunks FROM deliveries`,
    );
    return rows[0] as Awaited<ReturnType<typeof waits>>;
  };
  const first = await until(async () => ((await waits()).waiting === 450 ? waits() : null), {
    what: "all are put off",
  });
  assert.deepEqual([first.attempts, first.chunks], [0, 3]);
  const connections = mailbox.connections();
  // Past the pause of 15 seconds: a second round, of one probe and as many chunks as before.
  const second = await until(
    async () => {
      const now = await waits();
      return now.chunks > 3 && now.waiting === 450 ? now : null;
    },
    { deadlineMs: 30_000, what: "a second round" },
  );
  assert.equal(second.attempts, 0);
  assert.ok(second.chunks <= 9, `${second.chunks} chunks in two rounds`);
  assert.ok(mailbox.connections() - connections <= 5, `${mailbox.connections() - connections} connections`);
  // What is no failure: the first look at an empty Redis, and a change without a contact to be told of it.
  const facts = /^the (?:queue was rebuilt|provider is not told)/;
  const loud = () => lines.flatMap(({ level, msg }) => (level >= 40 && !facts.test(msg) ? [msg] : []));
  assert.deepEqual(loud(), ["mail relay cannot be reached: mails wait"]);

  mailbox.accept();
  await mailbox.waitFor(450, { deadlineMs: 40_000 });
  await pipeline.quiet();
  assert.deepEqual(await pipeline.counts(), { sent: 450 });
  assert.equal(new Set(mailbox.mails.flatMap(({ to }) => to)).size, 450);
  const back = await until(() => lines.find(({ msg }) => msg === "the mail relay is back"), { what: "its return" });
  assert.ok((back.awayMs ?? 0) > 15_000 && (back.failed?.mails ?? 0) > 0, JSON.stringify(back));
  assert.equal(loud().length, 1);
});

test("after an outage over several due dates an endpoint gets the newest notice of a change, and the others are skipped as overtaken", async () => {
  const categories = {
    ...DEFAULT_POLICY.categories,
    major: {
      ...DEFAULT_POLICY.categories.major,
      notices: ["announcement", "-PT3602S", "-PT3601S", "-PT3600S", "-PT5M"],
    },
  };
  const pipeline = await startPipeline({ running: false, policy: { ...DEFAULT_POLICY, categories } });
  const { parts, sql } = pipeline;
  await pipeline.addService("api");
  await pipeline.addPartner("acme", ["webhook", "email"]);
  const run = async (): Promise<() => Promise<void>> => {
    const started = await Promise.all([
      startScheduler(parts),
      startSender("webhook", parts),
      startSender("email", parts),
    ]);
    return async () => void (await Promise.all(started.map((one) => one.stop())));
  };
  const stop = await run();
  const releaseAt = new Date(Date.now() + 3_600_000 + 8_000).toISOString();
  await pipeline.announce({ change: "CHG-1", category: "major", service: "api", title: "x", releaseAt });
  await until(async () => (await pipeline.counts())["sent"] === 2, { what: "the announcement is sent" });
  await stop();
  // Nothing runs while three reminders come due.
  await until(
    async () =>
      (await sql.query("SELECT FROM notices WHERE kind = 'reminder' AND due_at <= now() AND status = 'planned'"))
        .rowCount === 3,
    { deadlineMs: 20_000, what: "three reminders are late" },
  );
  atEnd(await run());
  await until(async () => (await sql.query("SELECT FROM deliveries WHERE status <> 'waiting'")).rowCount === 8, {
    deadlineMs: 20_000,
    what: "the reminders are settled",
  });
  const { rows } = await sql.query(
    `SELECT n."offset", d.status, d.reason, count(*) AS count FROM deliveries d JOIN notices n ON n.no = d.notice
     WHERE n.kind = 'reminder' GROUP BY 1, 2, 3 ORDER BY 1 DESC`,
  );
  assert.deepEqual(rows, [
    { offset: "-PT3602S", status: "skipped", reason: "overtaken", count: 2 },
    { offset: "-PT3601S", status: "skipped", reason: "overtaken", count: 2 },
    { offset: "-PT3600S", status: "sent", reason: null, count: 2 },
  ]);
  assert.equal(pipeline.receiver.at("/acme").length, 2);
  assert.equal(pipeline.mailbox.to("acme@partner.example").length, 2);
});

/** The announcement of CHG-1, due now, as the scheduler plans it. */
const planAnnouncement = async ({ sql }: Pipeline) => {
  await sql.query("DELETE FROM notices");
  const { rows } = await sql.query<{ no: number }>(
    `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status)
     VALUES ('CHG-1.r1.announcement', 'CHG-1', 1, 'announcement', 'routine', 'all', now(), now(), 'planned') RETURNING no`,
  );
  return { notice: "CHG-1.r1.announcement", no: rows[0]?.no };
};

test("while its lane has more than 2,000 chunks waiting a fan-out makes one window at a time, and goes on from its cursor", async () => {
  const pipeline = await startPipeline({ running: false });
  const { parts } = pipeline;
  await pipeline.addService("api");
  await pipeline.addPartners(20_001, "webhook");
  await pipeline.announce({ change: "CHG-1", category: "major", service: "api", title: "x", releaseAt: "2099-01-01" });
  const { notice } = await planAnnouncement(pipeline);
  const queue = parts.queues.get("webhook-routine");
  const jobs = Array.from({ length: 2_001 }, (_, at) => ({ name: "other", data: { at } }));
  for (let from = 0; from < jobs.length; from += 1_000) await queue.addBulk(jobs.slice(from, from + 1_000));
  const fanOutNotice = makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve(), log: quietLog });
  const made = async () => [await queue.getWaitingCount(), (await pipeline.counts())["waiting"]];

  assert.deepEqual(await fanOutNotice({ notice }), { kind: "later", delayMs: 100, lane: "routine" });
  assert.deepEqual(await made(), [2_001 + 5, 1_000]);
  assert.deepEqual(await fanOutNotice({ notice }), { kind: "later", delayMs: 100, lane: "routine" });
  assert.deepEqual(await made(), [2_001 + 10, 2_000]);
  await queue.drain();
  assert.deepEqual(await fanOutNotice({ notice }), { kind: "done" });
  assert.deepEqual(await made(), [91, 20_001]);
});

test("an endpoint that is told by another transaction while its window is made gets one delivery, and so do all others", async () => {
  const pipeline = await startPipeline({ running: false });
  const { parts, sql } = pipeline;
  await pipeline.addService("api");
  await pipeline.addPartners(500, "webhook");
  await pipeline.announce({ change: "CHG-1", category: "major", service: "api", title: "x", releaseAt: "2099-01-01" });
  const { notice, no } = await planAnnouncement(pipeline);
  const other = await parts.ledger.pools.routine.connect();
  await other.query("BEGIN");
  await other.query(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
     SELECT $1, max(no), 'routine', 'webhook', now() FROM endpoints`,
    [no],
  );
  const fannedOut = makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve(), log: quietLog })({ notice });
  const waits = "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
  await until(async () => (await sql.query(waits)).rowCount === 1, { deadlineMs: 10_000, what: "the window waits" });
  await other.query("COMMIT");
  other.release();
  assert.deepEqual(await fannedOut, { kind: "done" });
  assert.equal((await pipeline.counts())["waiting"], 500);
});
