import assert from "node:assert/strict";
import { test } from "node:test";
import { startCluster, WORKERS } from "../support/cluster.ts";
import { arrivedIds, tomorrow } from "../support/scene.ts";

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
    releaseAt: tomorrow(),
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
