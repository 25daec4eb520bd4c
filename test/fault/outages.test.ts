import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { SLOTS } from "../../src/processes/sender.ts";
import type { Cluster } from "../support/cluster.ts";
import { inDays } from "../support/days.ts";
import { startPipeline } from "../support/pipeline.ts";
import type { Program } from "../support/programs.ts";
import { FULL, SEED, seededRandom } from "../support/random.ts";
import { allSent, arrivedIds, expectedIds, startScene } from "../support/scene.ts";
import { privatePostgres } from "../support/servers.ts";
import { judge, tally } from "../support/tally.ts";
import { connectRedis } from "../support/servers.ts";
import { until } from "../support/until.ts";
import { migrateLedger } from "../../src/ledger/migrate.ts";

const IN_FLIGHT = SLOTS.webhook.routine.fresh + SLOTS.webhook.routine.slow + 200;
const COUNT = 1_000;
/** The word of the mission: within a minute everything is back on the queue. */
const BACK_MS = 60_000;

const startBoth = (cluster: Cluster) => Promise.all([cluster.start("scheduler"), cluster.start("webhook")]);

/** Early enough: what is announced too late is brought to the provider's attention each minute, in a warning where it cannot be told. */
const announce = (cluster: Cluster, change: string, releaseAt = inDays(60)) =>
  cluster.announce({ change, category: "major", service: "reports", title: "Outage", releaseAt });

const ABOUT = {
  redis: { gone: "Redis cannot be reached: what is accepted waits in the ledger", back: "Redis is back" },
  postgres: { gone: "PostgreSQL cannot be used: what is under way waits until it is back", back: "PostgreSQL is back" },
} as const;
type Server = keyof typeof ABOUT;

/** What an outage leads to and is told for itself: it is no failure that repeats. */
const FACTS: readonly unknown[] = [
  "the queue was rebuilt from the ledger",
  "chunks whose sender was lost are sent again",
];

const timesSaid = ({ log }: Program, msg: string): number => log.filter((line) => line["msg"] === msg).length;

/** Resolves when the scheduler, which needs both servers each second, has noticed its `count`th outage. */
const noticed = (scheduler: Program, server: Server, count: number): Promise<unknown> =>
  until(() => timesSaid(scheduler, ABOUT[server].gone) === count, {
    what: `the scheduler says that ${server} is gone`,
  });

/**
 * Each process told of each outage in one line and of its end in another, and warned of nothing else, whatever failed.
 * A sender that needed nothing of the server meanwhile need not have noticed.
 */
const toldOnce = async ([scheduler, sender]: readonly [Program, Program], server: Server, count: number) => {
  const { gone, back } = ABOUT[server];
  await until(() => timesSaid(scheduler, back) === count, { what: `${back}, ${count} times` });
  await until(() => timesSaid(sender, back) === timesSaid(sender, gone), { what: `${back}, as often as it was gone` });
  for (const { log } of [scheduler, sender]) {
    const loud = log.flatMap(({ level, msg }) => (Number(level) >= 40 && !FACTS.includes(msg) ? [msg] : []));
    assert.ok(loud.length <= count, JSON.stringify(loud));
    for (const msg of loud) assert.equal(msg, gone);
  }
};

const report = async (
  t: TestContext,
  cluster: Cluster,
  scenario: string,
  { kills, inFlight }: { kills: number; inFlight: number },
): Promise<void> => {
  const expected = await expectedIds(cluster);
  judge(t, { scenario, deliveries: expected.length, kills, ...tally(expected, arrivedIds(cluster)), inFlight }, SEED);
};

describe("outages", { concurrency: FULL ? 1 : 3 }, () => {
  test("Redis FLUSHALL while planning, fanning out and sending: within a minute everything goes on, and nothing settled is sent again", async (t) => {
    const rounds = FULL ? 20 : 3;
    const random = seededRandom(SEED);
    const cluster = await startScene(COUNT, "webhook");
    await startBoth(cluster);
    const redis = connectRedis(cluster.redisServer.url);
    for (let round = 1; round <= rounds; round += 1) {
      await announce(cluster, `CHG-${round}`);
      await pause(random() * 400);
      await redis.flushall();
      await allSent(cluster, round * COUNT, BACK_MS);
    }
    await report(t, cluster, "Redis FLUSHALL while planning, fanning out, sending", { kills: rounds, inFlight: 0 });
  });

  test("Redis FLUSHALL while a reminder waits: it still goes out on time", async (t) => {
    const cluster = await startScene(10, "webhook", {
      policy: { categories: { major: { notices: ["announcement", "-PT5S"] } } },
    });
    await startBoth(cluster);
    const releaseAt = new Date(Date.now() + 13_000).toISOString();
    await announce(cluster, "CHG-1", releaseAt);
    await allSent(cluster, 10);
    await connectRedis(cluster.redisServer.url).flushall();
    const posts = await cluster.receiver.waitFor(20, { deadlineMs: 30_000 });
    const due = Date.parse(releaseAt) - 5_000;
    for (const post of posts.slice(10))
      assert.ok(post.at >= due - 5 && post.at - due < 2_000, `${post.at - due} ms after it was due`);
    await allSent(cluster, 20);
    await report(t, cluster, "Redis FLUSHALL while waiting", { kills: 1, inFlight: 0 });
  });

  test("Redis killed and started again on its append-only file: nothing is lost, nothing settled is sent again, and the logs say it once", async (t) => {
    const rounds = FULL ? 5 : 1;
    const random = seededRandom(SEED + 1);
    const cluster = await startScene(COUNT, "webhook");
    const programs = await startBoth(cluster);
    for (let round = 1; round <= rounds; round += 1) {
      await announce(cluster, `CHG-${round}`);
      await pause(random() * 300);
      const info = await connectRedis(cluster.redisServer.url).info("server");
      process.kill(Number(/process_id:(\d+)/.exec(info)?.[1]), "SIGKILL");
      await noticed(programs[0], "redis", round);
      await cluster.redisServer.stop();
      await cluster.redisServer.start();
      await allSent(cluster, round * COUNT, BACK_MS);
      await toldOnce(programs, "redis", round);
    }
    await report(t, cluster, "Redis SIGKILLed, restarted on its AOF", { kills: rounds, inFlight: 0 });
  });

  test("PostgreSQL stopped at once and started again: nothing is lost, only what was in flight is repeated, and the logs say it once", async (t) => {
    const rounds = FULL ? 5 : 1;
    const random = seededRandom(SEED + 2);
    const postgres = await privatePostgres({ durable: true });
    await migrateLedger(postgres.url);
    const cluster = await startScene(COUNT, "webhook", { databaseUrl: postgres.url });
    const programs = await startBoth(cluster);
    for (let round = 1; round <= rounds; round += 1) {
      await announce(cluster, `CHG-${round}`);
      await pause(random() * 300);
      const { rows } = await cluster.sql.query<{ folder: string }>(
        "SELECT current_setting('data_directory') AS folder",
      );
      const { readFile } = await import("node:fs/promises");
      const postmaster = Number((await readFile(`${rows[0]?.folder}/postmaster.pid`, "utf8")).split("\n")[0]);
      process.kill(postmaster, "SIGQUIT");
      await noticed(programs[0], "postgres", round);
      await postgres.stop();
      await postgres.start();
      await allSent(cluster, round * COUNT, 120_000);
      await toldOnce(programs, "postgres", round);
    }
    await report(t, cluster, "PostgreSQL restarted, -m immediate", { kills: rounds, inFlight: rounds * IN_FLIGHT });
  });

  // Three quarters of a minute, so only among the large ones: a lease is half a minute at least.
  test("PostgreSQL away for longer than a lease: what was sent meanwhile is settled before anybody sends it again", {
    skip: FULL ? false : "npm run test:fault",
  }, async (t) => {
    const count = 150;
    const policy = { ...DEFAULT_POLICY, timeouts: { webhook: "PT1S", email: "PT1S" } };
    const postgres = await privatePostgres({ durable: true });
    await migrateLedger(postgres.url);
    const pipeline = await startPipeline({ databaseUrl: postgres.url, policy });
    await pipeline.addService("reports");
    await pipeline.addPartners(count, "webhook");
    for (let at = 1; at <= count; at += 1)
      pipeline.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 600 });
    await pipeline.announce({
      change: "CHG-1",
      category: "major",
      service: "reports",
      title: "x",
      releaseAt: inDays(60),
    });
    await pipeline.receiver.waitFor(100);
    await postgres.stop();
    await pause(36_000);
    await postgres.start();
    await until(async () => (await pipeline.counts())["sent"] === count, { what: "all sent", deadlineMs: BACK_MS });
    const arrived = pipeline.receiver.received.map((post) => post.path);
    const scenario = "PostgreSQL away for longer than a lease";
    const expected = Array.from({ length: count }, (_, at) => `/p${at + 1}`);
    judge(t, { scenario, deliveries: count, kills: 1, ...tally(expected, arrived), inFlight: 0 }, SEED);
  });

  test("a sender paused past its lease and woken does no harm beyond its deliveries in flight, and a paused scheduler stops nobody's sweeping", async (t) => {
    const rounds = FULL ? 3 : 1;
    const cluster = await startScene(COUNT, "webhook");
    const [scheduler, sender] = await startBoth(cluster);
    for (let round = 1; round <= rounds; round += 1) {
      const before = cluster.receiver.received.length;
      await announce(cluster, `CHG-${round}`);
      await cluster.receiver.waitFor(before + 100, { deadlineMs: 30_000 });
      for (const program of [scheduler, sender]) program.kill("SIGSTOP");
      const others = await startBoth(cluster);
      // Each round before this one announced two changes.
      await allSent(cluster, (2 * round - 1) * COUNT);
      for (const program of [scheduler, sender]) program.kill("SIGCONT");
      await announce(cluster, `AFTER-${round}`);
      await cluster.quiet(60_000);
      for (const program of others) program.kill("SIGTERM");
      await Promise.all(others.map((program) => program.ended));
    }
    await report(t, cluster, "SIGSTOP past the lease, SIGCONT", { kills: rounds, inFlight: rounds * IN_FLIGHT });
  });
});
