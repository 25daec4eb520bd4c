import assert from "node:assert/strict";
import { test } from "node:test";
import { makeDrill } from "../../src/flow/drill.ts";
import { makeReconcile } from "../../src/flow/reconcile.ts";
import type { Parts } from "../../src/processes/parts.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { startSender } from "../../src/processes/sender.ts";
import { inDays } from "../support/days.ts";
import { openApi } from "../support/api.ts";
import { atEnd } from "../support/at-end.ts";
import { envelope, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

const drillOf = (parts: Parts) => makeDrill({ ...parts, reconcile: makeReconcile(parts) });

test("a drill throws the queue away, and the ledger puts back job for job what waited on it, and nothing else is touched", async () => {
  const pipeline = await startPipeline({ running: false });
  const { parts } = pipeline;
  await pipeline.addService("api");
  await pipeline.addPartner("acme", ["email", "webhook"]);
  const scheduler = await startScheduler(parts);
  await pipeline.announce({ change: "CHG-1", category: "major", service: "api", title: "One", releaseAt: inDays(60) });
  const waiting = (name: "email-routine" | "webhook-routine") => parts.queues.get(name).getJobCountByTypes("wait");
  await until(async () => (await waiting("email-routine")) + (await waiting("webhook-routine")) === 2, {
    what: "both chunks wait",
  });
  await scheduler.stop();
  // Nobody has taken this one yet, so only Redis knows of it.
  const data = { change: "CHG-2", category: "emergency", service: "api", title: "Two", releaseAt: inDays(1) };
  await parts.queues.get("events").add("event", envelope("created", data));
  const foreign = `not-${parts.prefix}:key`;
  await parts.redis.set(foreign, "theirs");
  atEnd(() => parts.redis.del(foreign));

  const api = await openApi({ ledger: parts.ledger, drill: drillOf(parts) });
  const answer = await api.call("POST", "/v1/drill");
  assert.equal(answer.statusCode, 200, answer.body);
  const { flushed, before, back, kept } = answer.json();
  assert.deepEqual(before, { plans: 0, notices: 4, chunks: 2 });
  assert.deepEqual(back, before);
  assert.deepEqual(kept, { events: 1 });
  assert.ok(flushed.keys >= 6, `${flushed.keys} keys`);
  assert.equal(await parts.redis.get(foreign), "theirs");
  for (const queue of parts.queues.all)
    assert.equal(await queue.getBackend().getQueueMetaField("opts.maxLenEvents"), "100", queue.name);

  const started = await Promise.all([
    startScheduler(parts),
    startSender("email", parts),
    startSender("webhook", parts),
  ]);
  atEnd(() => Promise.all(started.map((one) => one.stop())));
  await until(async () => (await pipeline.sql.query("SELECT FROM changes WHERE change = 'CHG-2'")).rowCount === 1, {
    what: "the event that was left on the queue is taken",
  });
  await pipeline.quiet();
  assert.equal(pipeline.receiver.at("/acme").length, 2);
  assert.equal(pipeline.mailbox.to("acme@partner.example").length, 2);
});

test("drills while everything runs lose nothing and repeat nothing", async () => {
  const pipeline = await startPipeline();
  const drill = drillOf(pipeline.parts);
  await pipeline.addService("api");
  await pipeline.addPartners(600, "webhook");
  for (let n = 1; n <= 600; n += 7) pipeline.receiver.script(`/p${n}`, { kind: "answer", status: 204, delayMs: 300 });
  for (const change of ["CHG-1", "CHG-2", "CHG-3"]) {
    await pipeline.announce({ change, category: "emergency", service: "api", title: change, releaseAt: inDays(1) });
    await drill();
  }
  await pipeline.receiver.waitFor(300);
  await drill();
  await pipeline.quiet(30_000);
  assert.deepEqual(await pipeline.counts(), { sent: 1_800 });
  const ids = pipeline.receiver.received.map((post) => post.headers["webhook-id"]);
  assert.deepEqual([ids.length, new Set(ids).size], [1_800, 1_800]);
});
