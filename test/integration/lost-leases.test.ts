import assert from "node:assert/strict";
import { test } from "node:test";
import { makeSweep } from "../../src/flow/sweep.ts";
import { startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";

test("after the ledger was away leases that ran out meanwhile are left alone until senders have brought what they sent", async () => {
  const { parts, sql } = await startPipeline({ running: false });
  await sql.query(
    "INSERT INTO chunks (id, lane, channel, state, run, leased_until) VALUES (1, 'routine', 'webhook', 'running', 1, now())",
  );
  const { urgent, routine } = parts.ledger.pools;
  let isAway = false;
  const query: typeof urgent.query = ((...given: Parameters<typeof urgent.query>) =>
    isAway ? Promise.reject(new Error("away")) : urgent.query(...given)) as typeof urgent.query;
  const ledger = { ...parts.ledger, pools: { routine, urgent: Object.assign(Object.create(urgent), { query }) } };
  let now = 0;
  const sweep = makeSweep({ ...parts, ledger, log: quietLog, now: () => now });
  const requeued = async (): Promise<number> => (await parts.queues.get("webhook-routine").getWaiting()).length;

  isAway = true;
  await assert.rejects(sweep(), /away/);
  isAway = false;
  now = 9_000;
  await sweep();
  assert.equal(await requeued(), 0);
  now = 10_000;
  await sweep();
  assert.equal(await requeued(), 1);
});
