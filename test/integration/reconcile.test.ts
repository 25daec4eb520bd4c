import assert from "node:assert/strict";
import { before, beforeEach, test } from "node:test";
import { type Cause, makeReconcile, type Reconcile } from "../../src/flow/reconcile.ts";
import { flushPrefix } from "../../src/queue/flush.ts";
import { epochKeyOf, noticeJobId, type Queues } from "../../src/queue/queues.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";

/** More than a page of what is only looked over. */
const NOTICES = 600;
const NOTHING = { plans: 0, notices: 0, chunks: 0 };

let pipeline: Pipeline;
let reconcile: Reconcile;
/** Nothing runs: no job is taken off the queue. */
before(async () => {
  pipeline = await startPipeline({ running: false });
  reconcile = makeReconcile(pipeline.parts);
});

/** Notices of one time that fan out in two hours, made a minute ago, each with its job. */
beforeEach(async () => {
  await pipeline.sql.query("DELETE FROM notices");
  await pipeline.sql.query(
    `INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status, created_at)
     SELECT 'n' || n, 'reminder', 'routine', 'all', now() + interval '2 hours', now() + interval '2 hours', 'planned',
            now() - interval '1 minute' FROM generate_series(1, $1::int) AS n`,
    [NOTICES],
  );
  await reconcile.run("flush");
});

const queue = (): ReturnType<Queues["get"]> => pipeline.parts.queues.get("notices-routine");
const lose = (id: string): Promise<unknown> => queue().remove(noticeJobId({ notice: id }));
const isQueued = async (id: string): Promise<boolean> =>
  (await queue().getJob(noticeJobId({ notice: id }))) !== undefined;
const shift = (id: string, column: "fan_out_at" | "created_at", ahead: string): Promise<unknown> =>
  pipeline.sql.query(`UPDATE notices SET ${column} = now() + $2::interval WHERE id = $1`, [id, ahead]);

test("a job that vanished is put back by the minute's look nine minutes before it is due, and not missed until then", async () => {
  await lose("n7");
  await shift("n7", "fan_out_at", "11 minutes");
  assert.deepEqual(await reconcile.run("timer"), NOTHING);
  await shift("n7", "fan_out_at", "9 minutes");
  assert.deepEqual(await reconcile.run("timer"), { ...NOTHING, notices: 1 });
  assert.ok(await isQueued("n7"));
  assert.deepEqual(await reconcile.run("timer"), NOTHING);
});

test("a job that vanished is put back though it is overdue, or its fan-out had begun", async () => {
  await lose("n7");
  await shift("n7", "fan_out_at", "-1 hour");
  assert.deepEqual(await reconcile.run("timer"), { ...NOTHING, notices: 1 });
  await lose("n7");
  await pipeline.sql.query("UPDATE notices SET status = 'sending', fan_out_started_at = now() WHERE id = 'n7'");
  assert.deepEqual(await reconcile.run("timer"), { ...NOTHING, notices: 1 });
});

for (const cause of ["outage", "flush"] as const satisfies Cause[])
  test(`after ${cause === "flush" ? "a flush" : "an outage"} every job that vanished is put back, whenever it is due`, async () => {
    const lost = ["n1", "n300", `n${NOTICES}`];
    for (const id of lost) await lose(id);
    assert.deepEqual(await reconcile.run("timer"), NOTHING);
    assert.deepEqual(await reconcile.run(cause), { ...NOTHING, notices: 3 });
    for (const id of lost) assert.ok(await isQueued(id), id);
  });

test("a rebuilding that fails, or whose process is killed, is taken over by whoever looks then", async () => {
  const { redis, prefix, queues } = pipeline.parts;
  const mark = epochKeyOf(prefix);
  assert.equal(await redis.pttl(mark), -1, "one that came to its end leaves a mark that stays");
  assert.equal(await reconcile.wasFlushed(), false);

  await redis.del(mark);
  assert.equal(await reconcile.wasFlushed(), true);
  assert.equal(await reconcile.wasFlushed(), false, "somebody is at it");
  assert.ok((await redis.pttl(mark)) > 0, "and if that one is killed the mark's time runs out");
  const failing = makeReconcile({
    ...pipeline.parts,
    queues: { ...queues, setBounds: () => Promise.reject(new Error("no")) },
  });
  await assert.rejects(failing.run("flush"), /no/);
  assert.equal(await reconcile.wasFlushed(), true);
  await reconcile.run("flush");
  assert.equal(await redis.pttl(mark), -1);

  await reconcile.markRebuilding();
  assert.ok((await redis.pttl(mark)) > 0, "a drill's mark too");
});

test("a second flush during a rebuilding, which nobody else sees, takes nothing with it for good", async () => {
  const { redis, prefix, queues } = pipeline.parts;
  await pipeline.sql.query("INSERT INTO chunks (id, lane, channel) VALUES (1, 'routine', 'webhook')");
  let flushes = 0;
  /** The notices are back when the first chunk is put back. */
  const get: Queues["get"] = (name) => {
    const real = queues.get(name);
    if (name !== "webhook-routine") return real;
    const addBulk: typeof real.addBulk = async (jobs) => {
      flushes += 1;
      if (flushes === 1) await flushPrefix(redis, prefix, []);
      return real.addBulk(jobs);
    };
    return new Proxy(real, { get: (it, key) => (key === "addBulk" ? addBulk : Reflect.get(it, key, it)) });
  };
  const flushed = makeReconcile({ ...pipeline.parts, queues: { ...queues, get } });
  await flushPrefix(redis, prefix, []);
  await flushed.run("flush");
  assert.equal(await queue().getDelayedCount(), NOTICES);
  assert.equal(await redis.pttl(epochKeyOf(prefix)), -1);
  await pipeline.sql.query("DELETE FROM chunks");
});

test("whoever began a rebuilding later sees it through: the earlier one leaves the mark to run out", async () => {
  const { redis, prefix, queues } = pipeline.parts;
  const later = makeReconcile({
    ...pipeline.parts,
    queues: { ...queues, setBounds: () => reconcile.markRebuilding() },
  });
  await later.run("flush");
  assert.ok((await redis.pttl(epochKeyOf(prefix))) > 0);
});

test("what was committed in these seconds is on its way to the queue, unless Redis was flushed", async () => {
  await lose("n7");
  await shift("n7", "fan_out_at", "1 minute");
  await shift("n7", "created_at", "-1 second");
  assert.deepEqual(await reconcile.run("timer"), NOTHING);
  assert.deepEqual(await reconcile.run("outage"), NOTHING);
  assert.deepEqual(await reconcile.run("flush"), { ...NOTHING, notices: 1 });
});

test("reconciling counts in the metrics what it put back, and why it looked", async () => {
  const { registry } = pipeline.parts;
  const value = async (metric: string, label: string, is: string): Promise<number> =>
    (await registry.getSingleMetric(metric)?.get())?.values.find((it) => it.labels[label] === is)?.value ?? 0;
  const read = () =>
    Promise.all([
      value("forewarn_reconciled_total", "kind", "notices"),
      value("forewarn_reconciles_total", "cause", "outage"),
    ]);
  const [put, looks] = await read();
  await lose("n7");
  await reconcile.run("outage");
  assert.deepEqual(await read(), [put + 1, looks + 1]);
});
