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
const lines: { level: number; msg: string; what?: string; awayMs?: number; failed?: Record<string, number> }[] = [];
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
  parts = await connect(config, makeLog("debug", { write: (line) => void lines.push(JSON.parse(line)) }));
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
  const event = envelope("created", { change, category: "major", service: "api", title: "x", releaseAt: "2099-01-01" });
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

/** Whether every announcement was fanned out: what is due was taken up. */
const planned = async (): Promise<boolean> => {
  const { rows } = await parts.ledger.pools.routine.query(
    `SELECT FROM notices WHERE kind = 'announcement' AND fanned_out_at IS NULL
     UNION ALL SELECT FROM events HAVING count(*) = 0`,
  );
  return rows.length === 0;
};
const REDIS_GONE = "Redis cannot be reached: what is accepted waits in the ledger";
const POSTGRES_GONE = "PostgreSQL cannot be used: what is under way waits until it is back";
/** What jobs that came back are told with: a fact of their own, after some outages of Redis. */
const REBUILT = "the queue was rebuilt from the ledger";

/** The warnings and errors of API and scheduler together since the last outage was over. */
const loud = (): string[] => lines.flatMap(({ level, msg }) => (level >= 40 && msg !== REBUILT ? [msg] : []));

/** Resolves to what failed during the outage whose end is told by `msg`; the next one starts with an empty log. */
const overWith = async (msg: string): Promise<Record<string, number>> => {
  const { awayMs = 0, failed = {} } = await until(() => lines.find((line) => line.msg === msg), { what: msg });
  assert.ok(awayMs > 0);
  assert.equal(lines.filter((line) => line.msg === msg).length, 1);
  lines.length = 0;
  return failed;
};

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
  assert.deepEqual(loud(), [REDIS_GONE], "one line for twenty events and every timer");
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
  await until(() => lines.some(({ what }) => what === "watching for a flush"), { what: "a timer has met the outage" });
  await redis.start();
  await until(planned, { deadlineMs: 60_000, what: "what was accepted is planned" });
  await until(async () => (await ready()).parts["redis"] === "ok", { what: "readyz takes it back" });
  assert.deepEqual(loud(), [REDIS_GONE]);
  const failed = await overWith("Redis is back");
  assert.equal(failed["queueing of plans"], 20);
  assert.ok((failed["watching for a flush"] ?? 0) > 0, "timers are counted too");
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
  assert.deepEqual(loud(), [REDIS_GONE]);
  assert.ok(((await overWith("Redis is back"))["queueing of plans"] ?? 0) > 0);
});

test("a Redis that goes while all runs: events are accepted in bounded time, and planned when it is back", async () => {
  await redis.stop();
  await acceptedWithoutRedis();
  await redis.start();
  await until(planned, { deadlineMs: 25_000, what: "what was accepted is planned, before the minute's reconciling" });
  assert.deepEqual(loud(), [REDIS_GONE]);
  await overWith("Redis is back");
});

test("without PostgreSQL events are refused with 503 and Retry-After, those on the queue wait, and all goes on when it is back", async () => {
  await emit();
  lines.length = 0;
  await postgres.stop();
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
  await until(async () => (await parts.queues.get("events").getDelayedCount()) === 20, { what: "all of them wait" });
  assert.deepEqual(loud(), [POSTGRES_GONE], "one line for twenty requests and twenty jobs");

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
  assert.deepEqual(loud(), [POSTGRES_GONE]);
  const failed = await overWith("PostgreSQL is back");
  assert.ok((failed["requests"] ?? 0) >= 20 && (failed["jobs of events"] ?? 0) >= 20, JSON.stringify(failed));
});
