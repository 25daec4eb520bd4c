import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeAcceptEvent } from "../../src/flow/accept-event.ts";
import { noticeJobId, openQueues, planJobId, planQueue } from "../../src/queue/queues.ts";
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

test("an emergency's planning is on the queue before its event is answered, a routine one's soon after", async () => {
  const { parts } = pipeline;
  const acceptEvent = makeAcceptEvent(parts);
  const jobOf = (lane: "urgent" | "routine", change: string) =>
    parts.queues.get(planQueue(lane)).getJob(planJobId({ change, revision: 1 }));
  await acceptEvent(creation("CHG-1", "emergency"));
  assert.deepEqual((await jobOf("urgent", "CHG-1"))?.data, {
    change: "CHG-1",
    revision: 1,
    due: ["CHG-1.r1.announcement"],
  });
  await acceptEvent(creation("CHG-2", "major"));
  // What is added at this moment goes with it.
  const notice = { notice: "CHG-2.r1.announcement" };
  const plan = { name: "plan", data: notice, opts: { jobId: noticeJobId(notice) } };
  await parts.queues.addSoon(planQueue("routine"), [plan]);
  assert.deepEqual((await jobOf("routine", "CHG-2"))?.data, { change: "CHG-2", revision: 1 });
});

test("closing the queues leaves nothing behind that was given to them", async () => {
  const { url, prefix } = await freshRedis();
  const redis = connectRedis(url);
  const queues = openQueues(redis, quietLog, prefix);
  const given = queues.addSoon("plan-routine", [
    { name: "plan", data: { change: "CHG-1", revision: 1 }, opts: { jobId: "CHG-1.r1" } },
  ]);
  const others = openQueues(redis, quietLog, prefix);
  atEnd(() => others.close());
  await queues.close();
  assert.equal(await others.get("plan-routine").getWaitingCount(), 1);
  await given;
});
