import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { makeFanOutTogether } from "../../src/flow/fan-out-together.ts";
import { makePlanCreations } from "../../src/flow/plan-creations.ts";
import { makeReconcile } from "../../src/flow/reconcile.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import type { Queues } from "../../src/queue/queues.ts";
import { inDays } from "../support/days.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

/** Of the service `large`; two others follow `small`. */
const LARGE = 600;
/** Of a major change, beside its announcement. */
const REMINDERS = 4;

let pipeline: Pipeline;

/** Accepts creations, whose job nobody takes, and loses it once it is there. */
const announce = async (changes: readonly string[], service = "small"): Promise<void> => {
  for (const change of changes)
    await pipeline.announce({ change, category: "major", service, title: change, releaseAt: inDays(400) });
  const plans = pipeline.parts.queues.get("plan-routine");
  await until(async () => (await plans.getWaiting()).some(({ data }) => data.creations.includes(changes.at(-1))), {
    what: "the creations are on the queue",
  });
  await plans.drain();
};

beforeEach(async () => {
  pipeline = await startPipeline({ running: false });
  for (const service of ["small", "large"]) await pipeline.addService(service);
  await pipeline.addPartners(LARGE, "webhook");
  await pipeline.sql.query("UPDATE partners SET subscriptions = '{large}'");
  for (const partner of ["acme", "hooli"])
    await pipeline.addPartner(partner, ["webhook"], { subscriptions: ["small"] });
});

const untilQuiet = (): Promise<void> => Promise.resolve();

const fanOutTogether = (queues: Queues = pipeline.parts.queues) =>
  makeFanOutTogether({ ...pipeline.parts, queues, untilQuiet, log: quietLog });

const planCreations = (creations: string[]): Promise<void> =>
  makePlanCreations({ ...pipeline.parts, fanOutTogether: fanOutTogether(), log: quietLog })({ creations });

const announcementOf = (change: string): string => `${change}.r1.announcement`;

/** Deliveries of each announcement, and whether it is fanned out whole. */
const fannedOut = async (): Promise<Record<string, [deliveries: number, whole: boolean]>> => {
  const { rows } = await pipeline.sql.query<{ change: string; count: number; whole: boolean }>(
    `SELECT n.change, n.fanned_out_at IS NOT NULL AS whole,
            (SELECT count(*) FROM deliveries d WHERE d.notice = n.no) AS count
     FROM notices n WHERE n.kind = 'announcement'`,
  );
  return Object.fromEntries(rows.map(({ change, count, whole }) => [change, [count, whole]]));
};

/** Notices with a job of their own that is due, and how many have one that waits for its time. */
const ownJobs = async (): Promise<{ due: string[]; ahead: number }> => {
  const queue = pipeline.parts.queues.get("notices-routine");
  const due = (await queue.getWaiting()).map(({ id }) => String(id)).toSorted();
  return { due, ahead: await queue.getDelayedCount() };
};

const chunkJobs = async (): Promise<number> => pipeline.parts.queues.get("webhook-routine").getWaitingCount();

test("creations of a moment are fanned out in one commit, and each reminder gets its delayed job", async () => {
  const changes = ["CHG-1", "CHG-2", "CHG-3"];
  await announce(changes);
  await planCreations(changes);
  assert.deepEqual(await fannedOut(), { "CHG-1": [2, true], "CHG-2": [2, true], "CHG-3": [2, true] });
  const { rows } = await pipeline.sql.query("SELECT DISTINCT xmin FROM deliveries");
  assert.equal(rows.length, 1, "commits");
  assert.equal(await chunkJobs(), 3);
  assert.deepEqual(await ownJobs(), { due: [], ahead: 3 * REMINDERS });
  await planCreations(changes);
  assert.equal(await chunkJobs(), 3, "nothing is done twice");
});

test("what cannot be fanned out with the others gets its own job, and hinders none of them", async () => {
  const { sql, parts } = pipeline;
  await announce(["CHG-1", "CHG-2", "CHG-3"]);
  await announce(["CHG-4"], "large");
  await sql.query("UPDATE notices SET audience = 'told' WHERE id = $1", [announcementOf("CHG-3")]);
  const other = await parts.ledger.pools.routine.connect();
  await other.query("BEGIN");
  await other.query("SELECT FROM notices WHERE id = $1 FOR UPDATE", [announcementOf("CHG-2")]);
  await planCreations(["CHG-1", "CHG-2", "CHG-3", "CHG-4", "CHG-none"]);
  await other.query("ROLLBACK");
  other.release();
  const share = 500;
  const made = await fannedOut();
  assert.deepEqual(made, { "CHG-1": [2, true], "CHG-2": [0, false], "CHG-3": [0, false], "CHG-4": [share, false] });
  const due = ["CHG-2", "CHG-3", "CHG-4"].map(announcementOf);
  assert.deepEqual(await ownJobs(), { due, ahead: 4 * REMINDERS });

  const fanOutNotice = makeFanOutNotice({ ...parts, untilQuiet, log: quietLog });
  for (const notice of due) assert.deepEqual(await fanOutNotice({ notice }), { kind: "done" });
  assert.deepEqual((await fannedOut())["CHG-4"], [LARGE, true]);
  assert.deepEqual((await fannedOut())["CHG-2"], [2, true]);
});

test("what was superseded since it was looked up tells nobody", async () => {
  await announce(["CHG-1", "CHG-2"]);
  await pipeline.sql.query("UPDATE notices SET status = 'superseded' WHERE change = 'CHG-2'");
  const whole = await fanOutTogether()(["CHG-1", "CHG-2"].map(announcementOf));
  assert.deepEqual([...whole], [announcementOf("CHG-1")]);
  assert.deepEqual(await fannedOut(), { "CHG-1": [2, true], "CHG-2": [0, false] });
});

test("a notice whose window fails takes nobody with it: each goes by its own job", async () => {
  const { sql, parts } = pipeline;
  await announce(["CHG-1", "CHG-2"]);
  await sql.query(
    'INSERT INTO policies (hash, policy) VALUES (\'bad\', \'{"sendAt": "?", "heldDays": [], "timeZone": "UTC"}\')',
  );
  await sql.query("UPDATE revisions SET policy = 'bad' WHERE change = 'CHG-1'");
  await sql.query("UPDATE notices SET day = '2026-01-05' WHERE id = $1", [announcementOf("CHG-1")]);
  await planCreations(["CHG-1", "CHG-2"]);
  assert.deepEqual(await fannedOut(), { "CHG-1": [0, false], "CHG-2": [0, false] });
  const due = ["CHG-1", "CHG-2"].map(announcementOf);
  assert.deepEqual(await ownJobs(), { due, ahead: 2 * REMINDERS });
  const fanOutNotice = makeFanOutNotice({ ...parts, untilQuiet, log: quietLog });
  await assert.rejects(fanOutNotice({ notice: announcementOf("CHG-1") }), /time/);
  assert.deepEqual(await fanOutNotice({ notice: announcementOf("CHG-2") }), { kind: "done" });
});

test("nothing is begun before what is urgent has had its moment", async () => {
  await announce(["CHG-1"]);
  let before: unknown = "it was not asked";
  const look = async (): Promise<void> => {
    before = await pipeline.counts();
  };
  const patient = makeFanOutTogether({ ...pipeline.parts, untilQuiet: look, log: quietLog });
  await patient([announcementOf("CHG-1")]);
  assert.deepEqual(before, {});
  assert.deepEqual(await pipeline.counts(), { waiting: 2 });
});

test("a job of creations that is lost, or ends between commit and queue, is made up for by reconciling", async () => {
  const { parts } = pipeline;
  await announce(["CHG-1"]);
  const reconcile = makeReconcile(parts);
  assert.deepEqual(await reconcile.run("flush"), { plans: 0, notices: 1 + REMINDERS, chunks: 0 });
  assert.deepEqual(await ownJobs(), { due: [announcementOf("CHG-1")], ahead: REMINDERS });

  await announce(["CHG-2", "CHG-3"]);
  const killed = { ...parts.queues, get: () => assert.fail("killed") } as unknown as Queues;
  await assert.rejects(fanOutTogether(killed)(["CHG-2", "CHG-3"].map(announcementOf)), /killed/);
  assert.deepEqual((await fannedOut())["CHG-3"], [2, true]);
  assert.deepEqual(await reconcile.run("flush"), { plans: 0, notices: 2 * REMINDERS, chunks: 2 });
  assert.equal(await chunkJobs(), 2);
});

test("a scheduler takes up jobs of creations, and of a single one as earlier programs queued them", async () => {
  const { parts } = pipeline;
  await announce(["CHG-1", "CHG-2", "CHG-3"]);
  const plans = parts.queues.get("plan-routine");
  await plans.add("plan", { change: "CHG-1", revision: 1 }, { jobId: "CHG-1.r1" });
  await parts.queues.addCreations(["CHG-2", "CHG-3"]);
  const scheduler = await startScheduler(parts);
  atEnd(() => scheduler.stop());
  await until(async () => (await ownJobs()).ahead === 3 * REMINDERS, { what: "all reminders are queued" });
  assert.deepEqual(await fannedOut(), { "CHG-1": [2, true], "CHG-2": [2, true], "CHG-3": [2, true] });
  await until(async () => (await plans.getJobCountByTypes("wait", "active", "delayed")) === 0, {
    what: "no plan is left",
  });
});
