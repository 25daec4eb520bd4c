import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { makeSweep } from "../../src/flow/sweep.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { startSender } from "../../src/processes/sender.ts";
import { inDays } from "../support/days.ts";
import { openApi } from "../support/api.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

/** Changes with one reminder each to one endpoint; nothing is sent before `start`. */
const startHeld = async (changes: readonly string[]): Promise<{ pipeline: Pipeline; start: () => Promise<void> }> => {
  const pipeline = await startPipeline({ running: false });
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.sql.query("UPDATE endpoints SET unwelcomed = false");
  for (const change of changes) {
    await pipeline.announce({ change, category: "major", service: "reports", title: change, releaseAt: inDays(60) });
    await pipeline.sql.query("DELETE FROM notices");
    await pipeline.parts.queues.get("plan-routine").drain();
  }
  const start = async (): Promise<void> => {
    const running = [await startSender("webhook", pipeline.parts), await startScheduler(pipeline.parts)];
    atEnd(async () => void (await Promise.all(running.map((one) => one.stop()))));
  };
  return { pipeline, start };
};

let notices = 0;

/** A delivery of the change that was due `minutesAgo` minutes ago and is in no chunk; answers its notice. */
const due = async ({ sql }: Pipeline, change: string, minutesAgo: number): Promise<string> => {
  notices += 1;
  const id = `${change}.r1.announcement-${notices}`;
  await sql.query(
    `WITH n AS (
       INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status, fan_out_started_at, fanned_out_at)
       VALUES ($1, $2, 1, 'announcement', 'routine', 'all', now(), now(), 'sending', now(), now()) RETURNING no
     )
     INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
     SELECT n.no, e.no, 'routine', 'webhook', now() - $3 * interval '1 minute' FROM n, endpoints e`,
    [id, change, minutesAgo],
  );
  return id;
};

const arrived = (pipeline: Pipeline): string[] =>
  pipeline.receiver.received.map(
    ({ body }) => (JSON.parse(body.toString()) as { data: { notice: { id: string } } }).data.notice.id,
  );

/** Notices in the order in which their chunks were given to senders. */
const sentInOrder = async ({ sql }: Pipeline): Promise<string[]> => {
  const { rows } = await sql.query<{ id: string }>(
    `SELECT n.id FROM deliveries d JOIN notices n ON n.no = d.notice JOIN chunks k ON k.id = d.chunk
     WHERE k.state = 'done' ORDER BY k.id`,
  );
  return rows.map(({ id }) => id);
};

type Shown = { id: string; status: string; counts: { webhook: { waiting: number } } };

const HOUR_MS = 3_600_000;

const held = async ({ sql }: Pipeline): Promise<number> =>
  (await sql.query("SELECT FROM deliveries d JOIN chunks k ON k.id = d.chunk WHERE k.state = 'held'")).rowCount ?? 0;

test("a paused change holds what is due while others go, and goes on in order, also with what became due meanwhile", async () => {
  const { pipeline, start } = await startHeld(["CHG-1", "CHG-2"]);
  const pause = (at: string): Promise<unknown> =>
    pipeline.sql.query(`UPDATE changes SET paused_at = ${at} WHERE change = 'CHG-1'`);
  await pause("now()");
  const sweep = makeSweep({ ...pipeline.parts, log: quietLog });
  const expected: string[] = [];
  // One sweep each, so that each is a chunk of its own.
  for (const minutesAgo of [50, 40, 30]) {
    expected.push(await due(pipeline, "CHG-1", minutesAgo));
    await sweep();
  }
  assert.equal(await held(pipeline), 3);
  const other = await due(pipeline, "CHG-2", 20);
  await start();
  await pipeline.receiver.waitFor(1);
  assert.deepEqual(arrived(pipeline), [other], "the other change is not held");
  expected.push(await due(pipeline, "CHG-1", 10));
  await until(async () => (await held(pipeline)) === 4, { what: "what becomes due meanwhile is held as well" });

  await pause("NULL");
  await pipeline.receiver.waitFor(5);
  await pipeline.quiet();
  assert.deepEqual(arrived(pipeline).slice(1).toSorted(), expected, "each once");
  assert.deepEqual(
    (await sentInOrder(pipeline)).filter((id) => id.startsWith("CHG-1")),
    expected,
    "in order",
  );
});

test("a pause stops what a sender has loaded within a second or two; what has begun is seen through, the rest goes on later", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartners(600, "webhook");
  for (let at = 1; at <= 600; at += 1)
    pipeline.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 500 });
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "x",
    releaseAt: inDays(60),
  });
  await pipeline.receiver.waitFor(60);
  await pipeline.sql.query("UPDATE installation SET paused_at = now()");
  await until(
    async () => (await pipeline.sql.query("SELECT FROM chunks WHERE state IN ('running', 'queued')")).rowCount === 0,
    { what: "every chunk was given back or is held", deadlineMs: 8_000 },
  );
  const begun = pipeline.receiver.received.length;
  assert.ok(begun < 600, `${begun} were sent`);
  await pipeline.sql.query("UPDATE installation SET paused_at = NULL");
  await pipeline.quiet();
  assert.deepEqual(await pipeline.counts(), { sent: 600 });
  assert.equal(pipeline.receiver.received.length, 600, "each once");
});

test("until the last of what a pause held is released, what comes after it waits behind it", async () => {
  const { pipeline } = await startHeld(["CHG-1"]);
  await pipeline.sql.query("UPDATE changes SET paused_at = now()");
  const sweep = makeSweep({ ...pipeline.parts, log: quietLog });
  await due(pipeline, "CHG-1", 50);
  await sweep();
  // Another sweeper holds the chunk in hand when the change goes on.
  const client = await pipeline.parts.ledger.pools.routine.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT FROM chunks WHERE state = 'held' FOR UPDATE");
    await pipeline.sql.query("UPDATE changes SET paused_at = NULL");
    await due(pipeline, "CHG-1", 60);
    await sweep();
    assert.equal(await held(pipeline), 2, "it waits for nobody's lock, and passes nobody");
  } finally {
    await client.query("ROLLBACK");
    client.release();
  }
  await sweep();
  assert.equal(await held(pipeline), 0);
  const jobs = await pipeline.parts.queues.get("webhook-routine").getWaiting();
  const { rows } = await pipeline.sql.query<{ id: number }>("SELECT id FROM chunks WHERE state = 'queued' ORDER BY id");
  assert.deepEqual(
    jobs.map((job) => (job.data as { chunk: number }).chunk),
    rows.map(({ id }) => id),
    "queued in the order in which they were held",
  );
  assert.equal(rows.length, 2);
});

test("a change that is superseded while it is paused sends nothing of what was held", async () => {
  const { pipeline, start } = await startHeld(["CHG-1"]);
  await pipeline.sql.query("UPDATE changes SET paused_at = now()");
  const stale = await due(pipeline, "CHG-1", 50);
  await makeSweep({ ...pipeline.parts, log: quietLog })();
  assert.equal(await held(pipeline), 1);
  await start();
  await pipeline.say("updated", { change: "CHG-1", title: "Said anew", releaseAt: inDays(90), reason: "moved" });
  await until(
    async () =>
      (await pipeline.sql.query("SELECT FROM deliveries WHERE status = 'skipped' AND reason = 'superseded'"))
        .rowCount === 1,
    { what: "the new revision ends it" },
  );
  await pipeline.sql.query("UPDATE changes SET paused_at = NULL");
  await pipeline.receiver.waitFor(1);
  await pipeline.quiet();
  assert.ok(!arrived(pipeline).includes(stale));
  assert.equal((await pipeline.counts())["sent"], 1);
});

test("by the API one change is paused and shown so with what waits, another goes on, and what waited goes out in order", async () => {
  const short = { ...DEFAULT_POLICY.categories.major, notices: ["announcement", "-PT1H"] };
  const pipeline = await startPipeline({
    policy: { ...DEFAULT_POLICY, categories: { ...DEFAULT_POLICY.categories, major: short } },
  });
  const api = await openApi({ ledger: pipeline.parts.ledger });
  const read = async <T>(url: string): Promise<T> => (await api.call("GET", url)).json<T>();
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  const releaseAt = new Date(Date.now() + 10 * HOUR_MS).toISOString();
  for (const change of ["CHG-1", "CHG-2"])
    await pipeline.announce({ change, category: "major", service: "reports", title: change, releaseAt });
  await pipeline.quiet();
  assert.deepEqual(arrived(pipeline).toSorted(), ["CHG-1.r1.announcement", "CHG-2.r1.announcement"]);

  assert.equal((await api.call("POST", "/v1/changes/CHG-1/pause")).statusCode, 200);
  // The reminder of the new date falls due while the change is paused.
  const soon = new Date(Date.now() + HOUR_MS + 3_000).toISOString();
  for (const change of ["CHG-1", "CHG-2"])
    await pipeline.say("updated", { change, releaseAt: soon, reason: "brought forward" });
  const moved = "CHG-1.r2.rescheduled";
  const reminder = "CHG-1.r2.reminder-PT1H";
  await until(() => arrived(pipeline).includes("CHG-2.r2.reminder-PT1H"), { what: "the other change goes on" });
  await until(async () => (await held(pipeline)) === 2, { what: "what is due of the paused one is put aside" });
  assert.deepEqual(
    arrived(pipeline).filter((id) => id.startsWith("CHG-1")),
    ["CHG-1.r1.announcement"],
  );

  const { pausedAt, notices } = await read<{ pausedAt?: string; notices: Shown[] }>("/v1/changes/CHG-1");
  assert.ok(pausedAt);
  assert.deepEqual(
    notices.filter(({ counts }) => counts.webhook.waiting > 0).map(({ id, status }) => [id, status]),
    [
      [moved, "sending"],
      [reminder, "sending"],
    ],
  );
  const { items } = await read<{ items: { notice: string }[] }>("/v1/changes/CHG-1/deliveries?status=waiting");
  assert.deepEqual(
    items.map(({ notice }) => notice),
    [moved, reminder],
  );
  assert.equal((await read<{ pausedAt?: string }>("/v1/changes/CHG-2")).pausedAt, undefined);

  assert.equal((await api.call("POST", "/v1/changes/CHG-1/resume")).statusCode, 200);
  await pipeline.quiet();
  assert.deepEqual(
    (await sentInOrder(pipeline)).filter((id) => id.startsWith("CHG-1")),
    ["CHG-1.r1.announcement", moved, reminder],
  );
  assert.deepEqual(arrived(pipeline).toSorted(), (await sentInOrder(pipeline)).toSorted(), "each once");
  assert.equal((await read<{ pausedAt?: string }>("/v1/changes/CHG-1")).pausedAt, undefined);
});

test("pausing holds what is due, and resuming sends it in order", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.sql.query("UPDATE installation SET paused_at = now()");
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Held",
    releaseAt: inDays(60),
  });
  await pipeline.announce({
    change: "CHG-2",
    category: "emergency",
    service: "reports",
    title: "Held too",
    releaseAt: inDays(1),
  });
  await until(
    async () =>
      (await pipeline.sql.query("SELECT FROM deliveries WHERE status = 'waiting' AND chunk IS NULL")).rowCount === 2,
    { what: "both are held" },
  );
  assert.equal(pipeline.receiver.received.length, 0);
  await pipeline.sql.query("UPDATE installation SET paused_at = NULL");
  await pipeline.quiet();
  assert.equal(pipeline.receiver.received.length, 2);
});
