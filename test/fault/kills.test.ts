import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { SLOTS } from "../../src/processes/sender.ts";
import type { Cluster, WorkerName } from "../support/cluster.ts";
import type { Program } from "../support/programs.ts";
import { FULL, SEED, seededRandom } from "../support/random.ts";
import { allSent, arrivedIds, expectedIds, startScene, inAnHour } from "../support/scene.ts";
import { judge, tally } from "../support/tally.ts";
import { until } from "../support/until.ts";

/** What one kill of a sender may repeat: its routine slots and its settle buffer. */
const IN_FLIGHT = {
  webhook: SLOTS.webhook.routine.fresh + SLOTS.webhook.routine.slow + 200,
  email: SLOTS.email.routine.fresh + SLOTS.email.routine.slow + 200,
};

/** A moment when work moves: something new arrived, or `patienceMs` passed in which all that is left is leased. */
const movement = async (cluster: Cluster, patienceMs = 5_000): Promise<void> => {
  const arrived = (): number => cluster.receiver.received.length + cluster.mailbox.mails.length;
  const before = arrived();
  await until(() => arrived() > before, { deadlineMs: patienceMs, what: "something arrives" }).catch(() => undefined);
};

type Kills = { kills: number; spreadMs: number; random: () => number; moment: (cluster: Cluster) => Promise<void> };

/** Kills `worker` at random moments while it has work, and starts it again each time. */
const killAgainAndAgain = async (
  cluster: Cluster,
  worker: WorkerName,
  { kills, spreadMs, random, moment }: Kills,
): Promise<void> => {
  let program: Program = await cluster.start(worker);
  for (let kill = 0; kill < kills; kill += 1) {
    await moment(cluster);
    await pause(random() * spreadMs);
    program.kill("SIGKILL");
    await program.ended;
    program = await cluster.start(worker);
  }
};

const killSender = async (
  t: TestContext,
  channel: "webhook" | "email",
  { count, kills }: { count: number; kills: number },
): Promise<void> => {
  const random = seededRandom(SEED);
  const cluster = await startScene(count, channel);
  await cluster.start("scheduler");
  await cluster.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Kill me",
    releaseAt: inAnHour(),
  });
  await killAgainAndAgain(cluster, channel, { kills, spreadMs: 150, random, moment: movement });
  await allSent(cluster, count);
  const expected = await expectedIds(cluster);
  assert.equal(expected.length, count);
  judge(
    t,
    {
      scenario: `SIGKILL of the ${channel} worker`,
      deliveries: count,
      kills,
      ...tally(expected, arrivedIds(cluster)),
      inFlight: kills * IN_FLIGHT[channel],
    },
    SEED,
  );
};

describe("killed processes", { concurrency: FULL ? 1 : 4 }, () => {
  test("SIGKILL of a webhook worker, again and again: nothing is lost, and only what was in flight is repeated", (t) =>
    killSender(t, "webhook", FULL ? { count: 20_000, kills: 20 } : { count: 2_000, kills: 3 }));

  test("SIGKILL of an email worker, again and again: nothing is lost, and only what was in flight is repeated", (t) =>
    killSender(t, "email", FULL ? { count: 5_000, kills: 10 } : { count: 1_000, kills: 3 }));

  test("SIGKILL of the scheduler during plan and fan-out: every endpoint has one delivery, sent once", async (t) => {
    const count = FULL ? 5_000 : 1_000;
    const kills = FULL ? 10 : 4;
    const random = seededRandom(SEED + 1);
    const cluster = await startScene(count, "webhook");
    await cluster.start("webhook");
    for (const change of ["CHG-1", "CHG-2"])
      await cluster.announce({
        change,
        category: "major",
        service: "reports",
        title: "Kill me",
        releaseAt: inAnHour(),
      });
    await killAgainAndAgain(cluster, "scheduler", { kills, spreadMs: 150, random, moment: async () => undefined });
    await allSent(cluster, 2 * count);
    const expected = await expectedIds(cluster);
    assert.equal(expected.length, 2 * count);
    judge(
      t,
      {
        scenario: "SIGKILL of the scheduler during plan and fan-out",
        deliveries: 2 * count,
        kills,
        ...tally(expected, arrivedIds(cluster)),
        inFlight: 0,
      },
      SEED,
    );
  });

  test("all processes killed together and started again: nothing is lost", async (t) => {
    const rounds = FULL ? 10 : 1;
    const count = 1_000;
    const random = seededRandom(SEED + 2);
    const cluster = await startScene(count, "webhook");
    const startAll = (): Promise<Program[]> => Promise.all([cluster.start("scheduler"), cluster.start("webhook")]);
    let programs = await startAll();
    for (let round = 1; round <= rounds; round += 1) {
      await cluster.announce({
        change: `CHG-${round}`,
        category: "major",
        service: "reports",
        title: "Kill us",
        releaseAt: inAnHour(),
      });
      await movement(cluster);
      await pause(random() * 150);
      for (const program of programs) program.kill("SIGKILL");
      await Promise.all(programs.map((program) => program.ended));
      programs = await startAll();
    }
    await allSent(cluster, rounds * count);
    judge(
      t,
      {
        scenario: "all processes killed together",
        deliveries: rounds * count,
        kills: rounds,
        ...tally(await expectedIds(cluster), arrivedIds(cluster)),
        inFlight: rounds * IN_FLIGHT.webhook,
      },
      SEED,
    );
  });
});
