import assert from "node:assert/strict";
import { test } from "node:test";
import type pg from "pg";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { makeTendPartners } from "../../src/flow/tend-partners.ts";
import { inTransaction } from "../../src/ledger/connection.ts";
import { fanOutWindow, lockNotice } from "../../src/ledger/fan-out.ts";
import { welcomeEndpoints } from "../../src/ledger/late.ts";
import { inDays } from "../support/days.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

const ANNOUNCEMENT = "CHG-1.r1.announcement";

/** Three partners who were there before the change, whose announcement is due; nothing runs. */
const announced = async (): Promise<Pipeline> => {
  const pipeline = await startPipeline({ running: false });
  await pipeline.addService("reports");
  await pipeline.addPartners(3, "webhook");
  await pipeline.sql.query("UPDATE endpoints SET unwelcomed = false");
  const change = { change: "CHG-1", category: "major", service: "reports", title: "x", releaseAt: inDays(60) };
  await pipeline.announce(change);
  return pipeline;
};

const welcome = ({ parts }: Pipeline) => inTransaction(parts.ledger.pools.urgent, welcomeEndpoints);
const tend = ({ parts }: Pipeline) =>
  makeTendPartners({ ...parts, tellProvider: () => Promise.resolve("nobody"), publicUrl: "", log: quietLog })();
const fanOut = ({ parts }: Pipeline) =>
  makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve(), log: quietLog })({ notice: ANNOUNCEMENT });

/** Locks the announcement as a window does, and answers what the window is made by. */
const begin = async ({ parts }: Pipeline) => {
  const client = await parts.ledger.pools.routine.connect();
  await client.query("BEGIN");
  const notice = await lockNotice(client, ANNOUNCEMENT);
  assert.ok(notice);
  return { client, window: (size: number) => fanOutWindow(client, notice, size) };
};
const commit = async (client: pg.PoolClient): Promise<void> => {
  await client.query("COMMIT");
  client.release();
};

const welcomeWaits = ({ sql }: Pipeline): Promise<unknown> =>
  until(async () => (await sql.query("SELECT FROM pg_locks WHERE NOT granted")).rowCount, {
    what: "the welcome waits",
  });

/** How many deliveries each partner has, and whether an endpoint is still to be welcomed. */
const told = async ({ sql }: Pipeline): Promise<Record<string, number>> => {
  const { rows } = await sql.query<{ partner: string; deliveries: number }>(
    `SELECT e.partner || CASE WHEN e.unwelcomed THEN ' (new)' ELSE '' END AS partner,
            (SELECT count(*) FROM deliveries d WHERE d.endpoint = e.no) AS deliveries FROM endpoints e ORDER BY e.no`,
  );
  return Object.fromEntries(rows.map((row) => [row.partner, row.deliveries]));
};

test("an endpoint that joins while the only window is under way is told", async () => {
  const pipeline = await announced();
  const { client, window } = await begin(pipeline);
  await window(1_000);
  await pipeline.addPartner("late", ["webhook"]);
  const welcomed = welcome(pipeline);
  await welcomeWaits(pipeline);
  await commit(client);
  assert.deepEqual(await welcomed, { endpoints: 1, deliveries: 1 });
  assert.deepEqual(await fanOut(pipeline), { kind: "done" });
  assert.deepEqual(await told(pipeline), { p1: 1, p2: 1, p3: 1, late: 1 });
});

test("a welcome that meets a window takes its turn, and what lies ahead of the fan-out is left to it", async () => {
  const pipeline = await announced();
  const first = await begin(pipeline);
  await first.window(2);
  await commit(first.client);
  await pipeline.addPartner("late", ["webhook"]);
  await pipeline.sql.query("UPDATE endpoints SET unwelcomed = true WHERE partner = 'p1'");
  await pipeline.sql.query("DELETE FROM deliveries WHERE endpoint = 1");
  const second = await begin(pipeline);
  const welcomed = welcome(pipeline);
  await welcomeWaits(pipeline);
  assert.equal((await second.window(1)).deliveries, 1);
  await commit(second.client);
  assert.deepEqual(await welcomed, { endpoints: 2, deliveries: 1 }, "p1 has been passed, late has not");
  await fanOut(pipeline);
  assert.deepEqual(await told(pipeline), { p1: 1, p2: 1, p3: 1, late: 1 });
});

test("a notice that is due and not begun tells new endpoints by itself, in its chunks", async () => {
  const pipeline = await announced();
  await pipeline.addPartner("late", ["webhook"]);
  await tend(pipeline);
  assert.deepEqual(await told(pipeline), { p1: 0, p2: 0, p3: 0, late: 0 });
  await fanOut(pipeline);
  assert.deepEqual(await told(pipeline), { p1: 1, p2: 1, p3: 1, late: 1 });
  const { rows } = await pipeline.sql.query("SELECT FROM deliveries WHERE chunk IS NULL");
  assert.equal(rows.length, 0);
});

test("a welcome gives way to who holds a notice for long, and is made up for", async () => {
  const pipeline = await announced();
  await fanOut(pipeline);
  await pipeline.addPartner("late", ["webhook"]);
  const { client } = await begin(pipeline);
  await tend(pipeline);
  assert.deepEqual(await told(pipeline), { p1: 1, p2: 1, p3: 1, "late (new)": 0 });
  await commit(client);
  await tend(pipeline);
  assert.deepEqual(await told(pipeline), { p1: 1, p2: 1, p3: 1, late: 1 });
});
