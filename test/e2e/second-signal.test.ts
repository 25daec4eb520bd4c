import assert from "node:assert/strict";
import { test } from "node:test";
import { SLOTS } from "../../src/processes/sender.ts";
import { arrivedIds, expectedIds, startScene, inAnHour } from "../support/scene.ts";
import { tally } from "../support/tally.ts";
import { until } from "../support/until.ts";

/** A signal that comes sooner counts as the same one. */
const SAME_MS = 1_000;

test("a second SIGTERM ends a sender at once, in the midst of slow exchanges, and nothing is lost", async () => {
  const cluster = await startScene(30, "webhook");
  const [sender] = await Promise.all([cluster.start("webhook"), cluster.start("scheduler")]);
  for (let at = 1; at <= 30; at += 1)
    cluster.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 5_000 });
  const data = { change: "CHG-1", category: "emergency", service: "reports", title: "Slow", releaseAt: inAnHour() };
  await cluster.announce(data);
  await cluster.receiver.waitFor(30);

  sender.kill("SIGTERM");
  const firstAt = performance.now();
  await until(() => performance.now() - firstAt > SAME_MS + 100, { what: "the next signal is another one" });
  const secondAt = performance.now();
  sender.kill("SIGTERM");
  assert.equal(await sender.ended, 143);
  assert.ok(performance.now() - secondAt < 2_000, "well before the exchanges ended");

  await cluster.start("webhook");
  await cluster.quiet(60_000);
  assert.deepEqual(await cluster.counts(), { sent: 30 });
  const { lost, duplicated } = tally(await expectedIds(cluster), arrivedIds(cluster));
  assert.equal(lost, 0);
  assert.ok(duplicated <= SLOTS.webhook.urgent.fresh + SLOTS.webhook.urgent.slow, "no more than what was in flight");
});
