import assert from "node:assert/strict";
import { before, test } from "node:test";
import { readConfig } from "../../src/config.ts";
import { makeLog } from "../../src/log.ts";
import { type Api, startApi } from "../../src/processes/api.ts";
import { connect } from "../../src/processes/connect.ts";
import type { Parts } from "../../src/processes/parts.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { atEnd } from "../support/at-end.ts";
import { envelope } from "../support/pipeline.ts";
import {
  connectRedis,
  type PrivateServer,
  privatePostgres,
  privateRedis,
  temporaryFolder,
} from "../support/servers.ts";
import { until } from "../support/until.ts";

const KEY = "test-admin-key-of-32-characters!!";
/** Less than an emitter's usual time limit, more than a busy machine needs. */
const BOUND_MS = 8_000;

let postgres: PrivateServer;
let redis: PrivateServer;
const lines: { level: number; msg: string; what?: string; queue?: string }[] = [];
let parts: Parts;
let api: Api;
let events = 0;

/** Redis is away before anything starts. */
before(async () => {
  [postgres, redis] = await Promise.all([privatePostgres({ durable: true }), privateRedis()]);
  await redis.stop();
  const config = {
    ...readConfig({ HOST: "127.0.0.1", PORT: "0", FOREWARN_ADMIN_KEY: KEY }),
    dataFolder: await temporaryFolder(),
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    secret: "0123456789abcdef0123456789abcdef",
  };
  parts = await connect(config, makeLog("info", { write: (line) => void lines.push(JSON.parse(line)) }));
  atEnd(() => parts.close());
  api = await startApi(parts);
  atEnd(() => api.stop());
  const scheduler = await startScheduler(parts);
  atEnd(() => scheduler.stop());
  await parts.ledger.pools.routine.query("INSERT INTO services (service, title) VALUES ('api', 'api')");
});

const emit = async (): Promise<{ change: string; status: number; retryAfter: string | null; ms: number }> => {
  events += 1;
  const change = `CHG-${events}`;
  const event = envelope("created", { change, category: "normal", service: "api", title: "x" });
  const begunAt = performance.now();
  const reply = await fetch(`${api.address}/v1/events`, {
    method: "POST",
    headers: { "content-type": "application/cloudevents+json", authorization: `Bearer ${KEY}` },
    body: JSON.stringify(event),
    signal: AbortSignal.timeout(30_000),
  });
  await reply.text();
  const retryAfter = reply.headers.get("retry-after");
  return { change, status: reply.status, retryAfter, ms: performance.now() - begunAt };
};

const ready = async (): Promise<{ code: number; status: string; parts: Record<string, string> }> => {
  const reply = await fetch(`${api.address}/readyz`, { signal: AbortSignal.timeout(30_000) });
  return { code: reply.status, ...((await reply.json()) as { status: string; parts: Record<string, string> }) };
};

const planned = async (): Promise<boolean> => {
  const { rows } = await parts.ledger.pools.routine.query(
    "SELECT FROM revisions WHERE planned_at IS NULL UNION ALL SELECT FROM events HAVING count(*) = 0",
  );
  return rows.length === 0;
};
const saying = (msg: RegExp): number => lines.filter((line) => line.level >= 40 && msg.test(line.msg)).length;

const acceptedWithoutRedis = async (): Promise<void> => {
  for (const { status, ms } of await Promise.all(Array.from({ length: 20 }, emit))) {
    assert.equal(status, 202);
    assert.ok(ms < BOUND_MS, `${ms} ms`);
  }
  const { code, status, parts: states } = await ready();
  assert.deepEqual([code, status, states["postgres"]], [200, "degraded", "ok"]);
  assert.notEqual(states["redis"], "ok");
};

test("with a Redis that was never there, events are accepted in bounded time, readyz names it, and the log says so once", async () => {
  await acceptedWithoutRedis();
  assert.equal(saying(/^planning could not be queued/), 1, "twenty events");
  assert.equal(saying(/^Redis cannot be reached/), 1);
  const drill = await fetch(`${api.address}/v1/drill`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}` },
    signal: AbortSignal.timeout(BOUND_MS),
  });
  assert.deepEqual(
    [drill.status, drill.headers.get("retry-after")],
    [503, "5"],
    "a drill is refused, and hangs for nobody",
  );
  assert.equal(await planned(), false);
  await redis.start();
  await until(planned, { deadlineMs: 60_000, what: "what was accepted is planned" });
  await until(async () => (await ready()).parts["redis"] === "ok", { what: "readyz takes it back" });
});

test("a Redis that stands still keeps no emitter waiting, and what was accepted meanwhile is planned when it goes on", async () => {
  const pid = Number(/process_id:(\d+)/.exec(await connectRedis(redis.url).info("server"))?.[1]);
  process.kill(pid, "SIGSTOP");
  try {
    await acceptedWithoutRedis();
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await until(planned, { deadlineMs: 60_000, what: "what was accepted is planned" });
});

test("a Redis that goes while all runs: events are accepted in bounded time, and planned when it is back", async () => {
  await redis.stop();
  await acceptedWithoutRedis();
  await redis.start();
  await until(planned, { deadlineMs: 25_000, what: "what was accepted is planned, before the minute's reconciling" });
});

test("without PostgreSQL events are refused with 503 and Retry-After, those on the queue wait, and all goes on when it is back", async () => {
  await emit();
  await postgres.stop();
  lines.length = 0;
  for (const { status, retryAfter, ms } of await Promise.all(Array.from({ length: 20 }, emit))) {
    assert.deepEqual([status, retryAfter], [503, "5"]);
    assert.ok(ms < BOUND_MS, `${ms} ms`);
  }
  const { code, status, parts: states } = await ready();
  assert.deepEqual([code, status], [503, "unavailable"]);
  assert.notEqual(states["postgres"], "ok");
  assert.equal((await fetch(`${api.address}/healthz`)).status, 200);
  const data = { category: "normal", service: "api", title: "x" };
  for (let at = 0; at < 20; at += 1)
    await parts.queues.get("events").add("event", envelope("created", { ...data, change: `QUEUED-${at}` }));
  await until(() => lines.some((line) => line.queue === "events"), { what: "a job of the queue met the outage" });
  await until(async () => (await parts.queues.get("events").getDelayedCount()) === 20, { what: "all of them wait" });
  assert.ok(saying(/^a part cannot be reached/) <= 2, `${saying(/^a part cannot be reached/)} lines for 20 requests`);
  assert.ok(saying(/^a job failed/) <= 3, `${saying(/^a job failed/)} lines for 20 jobs`);

  await postgres.start();
  await until(async () => (await emit()).status === 202, { deadlineMs: 30_000, what: "events are taken again" });
  const { rows } = await until(
    async () => {
      const found = await parts.ledger.pools.routine.query("SELECT FROM changes WHERE change LIKE 'QUEUED-%'");
      return found.rowCount === 20 && found;
    },
    { deadlineMs: 60_000, what: "the events on the queue are taken" },
  );
  assert.equal(rows.length, 20);
  assert.equal((await ready()).parts["postgres"], "ok");
});
