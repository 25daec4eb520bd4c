import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import type { Settled, Settler } from "../../src/flow/settle.ts";
import { senderMetricsOf } from "../../src/processes/sender-metrics.ts";

test("a sender's metrics count what was settled, how long attempts took in cumulative buckets, and what is in flight", async () => {
  const registry = new Registry();
  const settler = { pending: () => 3, add: () => undefined } as unknown as Settler;
  const watched = senderMetricsOf(registry).watch({ channel: "webhook", lane: "routine", settler, sending: () => 2 });
  for (const [ms, status, counted] of [
    [1, "sent", true],
    [5, "sent", true],
    [30, "sent", true],
    [70_000, "failed", true],
    [9, "skipped", false],
  ] as const)
    watched.add({ ms, settlement: { status, counted } } as unknown as Settled);

  const where = 'channel="webhook",lane="routine"';
  const printed = (await registry.metrics()).split("\n");
  const has = (line: string): void => assert.ok(printed.includes(line), `${line} is in\n${printed.join("\n")}`);
  has(`forewarn_settled_total{${where},status="sent"} 3`);
  has(`forewarn_settled_total{${where},status="failed"} 1`);
  has(`forewarn_settled_total{${where},status="skipped"} 1`);
  has("# TYPE forewarn_attempt_seconds histogram");
  has(`forewarn_attempt_seconds_bucket{${where},le="0.005"} 2`);
  has(`forewarn_attempt_seconds_bucket{${where},le="0.025"} 2`);
  has(`forewarn_attempt_seconds_bucket{${where},le="0.05"} 3`);
  has(`forewarn_attempt_seconds_bucket{${where},le="30"} 3`);
  has(`forewarn_attempt_seconds_bucket{${where},le="+Inf"} 4`);
  has(`forewarn_attempt_seconds_sum{${where}} 70.036`);
  has(`forewarn_attempt_seconds_count{${where}} 4`);
  has(`forewarn_in_flight{${where}} 5`);
  assert.equal((await registry.metrics()).split("\n").length, printed.length, "a second scrape counts nothing twice");
  assert.ok((await registry.metrics()).includes(`status="sent"} 3`));
});
