import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeAcceptEvent } from "../../src/flow/accept-event.ts";
import { openQueues, planJobId, planQueue } from "../../src/queue/queues.ts";
import { atEnd } from "../support/at-end.ts";
import { envelope, type Pipeline, startPipeline } from "../support/pipeline.ts";
import { connectRedis, freshRedis, quietLog } from "../support/servers.ts";

let pipeline: Pipeline;
before(async () => {
  pipeline = await startPipeline({ running: false });
  await pipeline.addService("api");
});

const creation = (change: string, category: "major" | "emergency") =>
  envelope("created", { change, category, service: "api", title: "x", releaseAt: new Date().toISOString() });

test("an emergency's planning is on the queue before its event is answered, that of routine ones soon after in one job", async () => {
  const { parts } = pipeline;
  const acceptEvent = makeAcceptEvent(parts);
  const waiting = async (lane: "urgent" | "routine") =>
    (await parts.queues.get(planQueue(lane)).getWaiting()).map(({ id, data }) => ({ id, data }));
  await acceptEvent(creation("CHG-1", "emergency"));
  const job = { change: "CHG-1", revision: 1 };
  const due = ["CHG-1.r1.announcement"];
  assert.deepEqual(await waiting("urgent"), [{ id: planJobId(job), data: { ...job, due } }]);
  await acceptEvent(creation("CHG-2", "major"));
  await Promise.all(["CHG-3", "CHG-4"].map((change) => parts.queues.addCreations([change])));
  const groups = (await waiting("routine")).map(({ data }): string[] => data.creations);
  assert.deepEqual(groups.flat().toSorted(), ["CHG-2", "CHG-3", "CHG-4"]);
  assert.ok(groups.some((group) => group.includes("CHG-3") && group.includes("CHG-4")));
});

test("closing the queues leaves nothing behind that was given to them", async () => {
  const { url, prefix } = await freshRedis();
  const redis = connectRedis(url);
  const queues = openQueues(redis, quietLog, prefix);
  const given = [
    queues.addSoon("plan-routine", [
      { name: "plan", data: { change: "CHG-1", revision: 2 }, opts: { jobId: "CHG-1.r2" } },
    ]),
    queues.addCreations(["CHG-2"]),
  ];
  const others = openQueues(redis, quietLog, prefix);
  atEnd(() => others.close());
  await queues.close();
  assert.equal(await others.get("plan-routine").getWaitingCount(), 2);
  await Promise.all(given);
});
