import assert from "node:assert/strict";
import { test } from "node:test";
import { makeOutages } from "../../src/outages.ts";
import { openQueues } from "../../src/queue/queues.ts";
import { openWorker } from "../../src/queue/worker.ts";
import { atEnd } from "../support/at-end.ts";
import { connectRedis, freshRedis, quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

test("a worker asked to stop sees through what it has begun, and leaves what comes meanwhile to another", async () => {
  const { url, prefix } = await freshRedis();
  const queues = openQueues(connectRedis(url, "producer"), quietLog, prefix);
  const queue = queues.get("plan-routine");
  await queue.waitUntilReady();
  const outages = makeOutages({ log: quietLog });
  const first = Promise.withResolvers<void>();
  const taken: string[] = [];
  const startWorker = (name: string) => {
    const worker = openWorker({
      redisUrl: url,
      prefix,
      queue: "plan-routine",
      concurrency: 2,
      run: async (data) => {
        taken.push(`${name} ${String(data)}`);
        if (data === "first") await first.promise;
        return { kind: "done" };
      },
      outages,
      log: quietLog,
    });
    atEnd(() => {
      first.resolve();
      return worker.stop();
    });
    return worker;
  };
  const stopping = startWorker("one");
  await queue.add("plan", "first");
  await until(() => taken.length === 1, { what: "the first is begun" });
  let stopped = false;
  const end = stopping.stop().then(() => {
    stopped = true;
  });
  // Its wait for a job is still open in Redis, and this ends it.
  await queue.add("plan", "second");
  await until(async () => (await queue.getDelayedCount()) === 1, { what: "the second is given back" });
  assert.equal(stopped, false, "the first is still in hand");
  startWorker("other");
  await until(() => taken.includes("other second"), { what: "the other has it" });
  first.resolve();
  await end;
  assert.deepEqual(taken, ["one first", "other second"]);
  assert.equal(await queue.getActiveCount(), 0, "Redis has heard of the first's end");
});
