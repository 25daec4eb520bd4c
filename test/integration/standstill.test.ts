import assert from "node:assert/strict";
import { before, test } from "node:test";
import { readConfig } from "../../src/config.ts";
import { makeReconcile } from "../../src/flow/reconcile.ts";
import { type Api, startApi } from "../../src/processes/api.ts";
import { connect } from "../../src/processes/connect.ts";
import type { Parts } from "../../src/processes/parts.ts";
import { atEnd } from "../support/at-end.ts";
import { envelope } from "../support/pipeline.ts";
import { type PrivateServer, privatePostgres, privateRedis, quietLog, temporaryFolder } from "../support/servers.ts";
import { whileStopped } from "../support/standstill.ts";
import { until } from "../support/until.ts";

const KEY = "test-admin-key-of-32-characters!!";
/** Five seconds of patience, and what a busy machine adds. */
const BOUND_MS = 9_000;
/** A batch in which each event waited for Redis by itself would take a minute. */
const BATCH = 30;

let postgres: PrivateServer;
let redis: PrivateServer;
let parts: Parts;
let api: Api;
let delivery: string;
let page: string;

type Reply = { call: string; status: number; retryAfter: string | null; ms: number };
type Body = { type: string; text: string };

const call = async (method: string, path: string, body?: Body): Promise<Reply> => {
  const begunAt = performance.now();
  const reply = await fetch(`${api.address}${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, ...(body ? { "content-type": body.type } : {}) },
    ...(body ? { body: body.text } : {}),
    signal: AbortSignal.timeout(60_000),
    redirect: "manual",
  });
  await reply.text();
  const ms = performance.now() - begunAt;
  return { call: `${method} ${path}`, status: reply.status, retryAfter: reply.headers.get("retry-after"), ms };
};

const event = (change: string) =>
  envelope("created", { change, category: "normal", service: "api", title: "x" }, { source: "/standstill" });
const emit = (change: string): Promise<Reply> =>
  call("POST", "/v1/events", { type: "application/cloudevents+json", text: JSON.stringify(event(change)) });

const assertUnavailable = ({ call: what, status, retryAfter, ms }: Reply): void => {
  assert.deepEqual([status, retryAfter], [503, "5"], what);
  assert.ok(ms < BOUND_MS, `${what}: ${ms} ms`);
};

before(async () => {
  [postgres, redis] = await Promise.all([privatePostgres(), privateRedis()]);
  const config = {
    ...readConfig({ HOST: "127.0.0.1", PORT: "0", FOREWARN_ADMIN_KEY: KEY, FOREWARN_WEBHOOK_ALLOW: "127.0.0.0/8" }),
    dataFolder: await temporaryFolder(),
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    secret: "0123456789abcdef0123456789abcdef",
  };
  parts = await connect(config, quietLog);
  atEnd(() => parts.close());
  api = await startApi(parts);
  atEnd(() => api.stop());
  await parts.ledger.pools.routine.query(
    `WITH service AS (INSERT INTO services (service, title) VALUES ('api', 'api')),
          partner AS (INSERT INTO partners (partner, name) VALUES ('acme', 'Acme') RETURNING partner)
     INSERT INTO endpoints (partner, channel, address) SELECT partner, 'email', 'a@acme.example' FROM partner`,
  );
  await parts.ledger.pools.routine.query(
    `WITH n AS (
       INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status, only_endpoint)
       VALUES ('n.1', 'test', 'routine', 'all', now(), now(), 'done', 1) RETURNING no
     )
     INSERT INTO deliveries (notice, endpoint, lane, channel, chunk, due_at, status) SELECT no, 1, 'routine', 'email', 0, now(), 'failed' FROM n`,
  );
  delivery = "n.1.ep_1";
  page = `/p/${parts.keyring.pageToken("acme", null)}`;
  assert.equal((await emit("CHG-1")).status, 202);
});

test("while Redis stands still, operators are answered at once, and a batch waits for it once, not for each event", async () => {
  const text = JSON.stringify(Array.from({ length: BATCH }, (_, at) => event(`BATCH-${at}`)));
  await whileStopped(redis, async () => {
    const [batch, ...tests] = await Promise.all([
      call("POST", "/v1/events", { type: "application/cloudevents-batch+json", text }),
      call("POST", "/v1/endpoints/ep_1/test"),
      call("POST", "/v1/endpoints/ep_1/test"),
      call("POST", "/v1/drill"),
    ]);
    assert.equal(batch.status, 202);
    assert.ok(batch.ms < BOUND_MS, `${batch.ms} ms`);
    for (const reply of tests) assertUnavailable(reply);
    // What needs the ledger only goes on.
    const since = { type: "application/json", text: JSON.stringify({ since: "2020-01-01T00:00:00Z" }) };
    const replays = [
      call("POST", `/v1/deliveries/${delivery}/replay`),
      call("POST", "/v1/endpoints/ep_1/replay", since),
    ];
    for (const { call: what, status, ms } of await Promise.all(replays)) {
      assert.equal(status, 202, what);
      assert.ok(ms < BOUND_MS, `${what}: ${ms} ms`);
    }
    const before = performance.now();
    await assert.rejects(makeReconcile(parts).wasFlushed(), /timed out/, "nor does a scheduler hang");
    assert.ok(performance.now() - before < BOUND_MS);
  });
  await until(async () => (await call("POST", "/v1/drill")).status === 200, { what: "a drill works again" });
});

test("while PostgreSQL stands still, every call that needs it is answered with 503 and Retry-After, and works when it goes on", async () => {
  type Documented = { paths: Record<string, Record<string, unknown>> };
  const { paths } = (await (await fetch(`${api.address}/openapi.json`)).json()) as Documented;
  const calls = Object.entries(paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const))
    .filter(([, path]) => path.startsWith("/v1/"))
    .map(([method, path]) => [method, path.replaceAll(/\{\w+\}/g, "x")] as const);
  assert.ok(calls.length > 40, `${calls.length} calls`);
  const pages = ["/changelog", "/changelog.atom", "/changelog.json", "/calendar.ics", page];
  // Connections that stand, so that a statement, and not only a connection, waits for its answer.
  await Promise.all(pages.flatMap((path) => [call("GET", path), call("GET", "/v1/changes")]));

  await whileStopped(postgres, async () => {
    const [emitted, health, metrics, ...replies] = await Promise.all([
      emit("CHG-2"),
      call("GET", "/healthz"),
      call("GET", "/metrics"),
      ...calls.map(([method, path]) => call(method, path)),
      ...pages.map((path) => call("GET", path)),
    ]);
    for (const reply of [emitted, ...replies]) assertUnavailable(reply);
    assert.equal(health.status, 200);
    assert.equal(metrics.status, 200);
    assert.ok(metrics.ms < BOUND_MS, `${metrics.ms} ms`);
    assert.equal((await call("GET", "/readyz")).status, 503);
  });
  await until(async () => (await emit("CHG-3")).status === 202, { what: "events are taken again" });
  for (const path of [...pages, "/v1/changes/CHG-3"]) assert.equal((await call("GET", path)).status, 200, path);
});
