import assert from "node:assert/strict";
import { test } from "node:test";
import { migrateLedger } from "../../src/ledger/migrate.ts";
import { startCluster, WORKERS } from "../support/cluster.ts";
import { arrivedIds, inAnHour } from "../support/scene.ts";
import { privatePostgres } from "../support/servers.ts";
import { whileStopped } from "../support/standstill.ts";

test("SIGTERM while partners are slow to answer: everyone exits 0 within 20 s, and what was begun is settled, not repeated", async () => {
  const cluster = await startCluster();
  const programs = await Promise.all(WORKERS.map((worker) => cluster.start(worker)));
  await cluster.addService("reports");
  await cluster.addPartners(60, "webhook");
  for (let at = 1; at <= 60; at += 1)
    cluster.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 5_000 });
  await cluster.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Slow",
    releaseAt: inAnHour(),
  });
  await cluster.receiver.waitFor(20);

  const begunAt = performance.now();
  for (const program of programs) program.kill("SIGTERM");
  assert.deepEqual(await Promise.all(programs.map((program) => program.ended)), [0, 0, 0]);
  assert.ok(performance.now() - begunAt < 20_000);
  const begun = cluster.receiver.received.length;
  assert.equal((await cluster.counts())["sent"], begun, "every exchange that was begun was seen through and settled");

  for (const worker of WORKERS) await cluster.start(worker);
  await cluster.quiet();
  const ids = arrivedIds(cluster);
  assert.deepEqual([ids.length, new Set(ids).size], [60, 60]);
});

test("SIGTERM while Redis and PostgreSQL are gone: everyone exits 0 at once, in good order", async () => {
  const postgres = await privatePostgres();
  await migrateLedger(postgres.url);
  const cluster = await startCluster({ databaseUrl: postgres.url });
  const programs = await Promise.all(WORKERS.map((worker) => cluster.start(worker)));
  await Promise.all([postgres.stop(), cluster.redisServer.stop()]);

  const begunAt = performance.now();
  for (const program of programs) program.kill("SIGTERM");
  assert.deepEqual(await Promise.all(programs.map((program) => program.ended)), [0, 0, 0]);
  assert.ok(performance.now() - begunAt < 5_000, `${performance.now() - begunAt} ms`);
  for (const { log } of programs) assert.equal(log.at(-1)?.["msg"], "stopped", "nothing had to be given up");
});

test("SIGTERM while Redis stands still: a worker sees through what it has begun, and exits 0", async () => {
  const cluster = await startCluster();
  const [sender] = await Promise.all([cluster.start("webhook"), cluster.start("scheduler")]);
  await cluster.addService("reports");
  await cluster.addPartners(5, "webhook");
  for (let at = 1; at <= 5; at += 1)
    cluster.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 2_000 });
  await cluster.announce({
    change: "CHG-1",
    category: "emergency",
    service: "reports",
    title: "Slow",
    releaseAt: inAnHour(),
  });
  await cluster.receiver.waitFor(5);
  await whileStopped(cluster.redisServer, async () => {
    const begunAt = performance.now();
    sender.kill("SIGTERM");
    assert.equal(await sender.ended, 0);
    assert.ok(performance.now() - begunAt < 10_000, `${performance.now() - begunAt} ms`);
    assert.equal(sender.log.at(-1)?.["msg"], "stopped", "nothing had to be given up");
    assert.deepEqual(await cluster.counts(), { sent: 5 });
  });

  await cluster.start("webhook");
  await cluster.quiet();
  assert.equal(cluster.receiver.received.length, 5, "nobody hears twice");
});
