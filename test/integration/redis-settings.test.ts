import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../../src/config.ts";
import { makeLog } from "../../src/log.ts";
import { makeOutages } from "../../src/outages.ts";
import { makeChecks } from "../../src/processes/checks.ts";
import { connect } from "../../src/processes/connect.ts";
import { readSettings, settingFaults } from "../../src/queue/settings.ts";
import { openQueues } from "../../src/queue/queues.ts";
import { openWorker } from "../../src/queue/worker.ts";
import { openApi } from "../support/api.ts";
import { atEnd } from "../support/at-end.ts";
import { connectRedis, freshDatabase, freshRedis, privateRedis, quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

const secret = "a secret of at least thirty-two bytes";

test("settings that lose jobs are named with the command that mends each; what Redis would not say is none", () => {
  const good = { eviction: "noeviction", appendOnly: true, snapshots: false };
  assert.deepEqual(settingFaults(good), []);
  assert.deepEqual(settingFaults({ ...good, appendOnly: false, snapshots: true }), [], "snapshots are persistence too");
  assert.deepEqual(settingFaults({ eviction: null, appendOnly: null, snapshots: null }), []);
  assert.deepEqual(settingFaults({ ...good, appendOnly: false, snapshots: null }), []);
  const faults = settingFaults({ eviction: "allkeys-lru", appendOnly: false, snapshots: false });
  assert.deepEqual(
    faults.map(({ path, message }) => [path, /redis-cli .*$/.exec(message)?.[0]]),
    [
      ["maxmemory-policy", "redis-cli CONFIG SET maxmemory-policy noeviction"],
      ["appendonly", "redis-cli CONFIG SET appendonly yes"],
    ],
  );
});

test("a Redis that may evict or forget is warned of once at the start, and readyz is degraded until it is mended", async () => {
  const server = await privateRedis();
  const redis = connectRedis(server.url);
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  await redis.config("SET", "appendonly", "no");
  const lines: { level: number; msg: string; settings?: Record<string, string> }[] = [];
  const log = makeLog("warn", { write: (line) => void lines.push(JSON.parse(line)) });
  const config = { ...readConfig({}), databaseUrl: await freshDatabase(), redisUrl: server.url, secret };
  const parts = await connect(config, log);
  atEnd(() => parts.close());
  const warnings = () => lines.filter((line) => line.settings);
  await until(() => warnings().length > 0, { what: "the warning" });
  assert.deepEqual(Object.keys(warnings()[0]?.settings ?? {}), ["maxmemory-policy", "appendonly"]);

  const api = await openApi({ ledger: parts.ledger, checks: makeChecks(parts) });
  const ready = async () => (await api.call("GET", "/readyz", { key: null })).json();
  const before = await ready();
  assert.equal(before.status, "degraded");
  assert.match(before.parts.redis, /maxmemory-policy .* CONFIG SET maxmemory-policy noeviction; appendonly /);

  await redis.config("SET", "maxmemory-policy", "noeviction");
  await redis.config("SET", "appendonly", "yes");
  await until(async () => (await ready()).parts.redis === "ok", { what: "readyz sees that it is mended" });
  assert.equal(warnings().length, 1);
});

test("a managed Redis that refuses CONFIG and INFO is taken as it is", async () => {
  const server = await privateRedis();
  const admin = connectRedis(server.url);
  await admin.config("SET", "maxmemory-policy", "allkeys-lru");
  await admin.call("ACL", "SETUSER", "default", "-config");
  const redis = connectRedis(server.url);
  await redis.ping();
  const known = await readSettings(redis);
  assert.deepEqual([known.eviction, known.snapshots], ["allkeys-lru", null], "INFO says what CONFIG does not");
  await admin.call("ACL", "SETUSER", "default", "-info");
  assert.deepEqual(await readSettings(redis), { eviction: null, appendOnly: null, snapshots: null });
});

test("a thousand jobs leave a handful of keys and short streams behind, also after a flush", async () => {
  const { url, prefix } = await freshRedis();
  const redis = connectRedis(url);
  const queues = openQueues(redis, quietLog, prefix);
  atEnd(() => queues.close());
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const page of redis.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<string[]>)
      found.push(...page);
    return [...new Set(found)];
  };
  let done = 0;
  const worker = openWorker({
    redisUrl: url,
    prefix,
    queue: "webhook-routine",
    concurrency: 50,
    outages: makeOutages({ log: quietLog }),
    log: quietLog,
    run: () => {
      done += 1;
      return Promise.resolve({ kind: "done" });
    },
  });
  atEnd(() => worker.stop());
  const queue = queues.get("webhook-routine");
  const run = async (from: number): Promise<void> => {
    await queue.addBulk(
      Array.from({ length: 1_000 }, (_, n) => ({ name: "chunk", data: {}, opts: { jobId: `${from + n}.1` } })),
    );
    await until(() => done === from + 1_000, { what: "a thousand jobs are done" });
    await until(async () => (await queue.getActiveCount()) === 0, { what: "none is active" });
  };
  const bounded = async (): Promise<void> => {
    const left = await keys();
    assert.ok(left.length <= queues.all.length + 5, left.join(" "));
    // Trimmed by whole nodes of a hundred.
    assert.ok((await redis.xlen(queue.toKey("events"))) <= 200, `${await redis.xlen(queue.toKey("events"))} events`);
  };
  await run(0);
  await bounded();
  await redis.unlink(...(await keys()));
  await queues.setBounds();
  await run(1_000);
  await bounded();
});
