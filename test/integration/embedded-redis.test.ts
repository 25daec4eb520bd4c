import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { startRedis } from "../../src/embedded/redis.ts";
import { atEnd } from "../support/at-end.ts";
import { isOneLine, withRedis } from "../support/embedded-servers.ts";
import { quietLog, temporaryFolder } from "../support/servers.ts";

const log = quietLog;

/** Keys that take Redis some hundred milliseconds to read back. */
const MANY = 200_000;

test("a Redis that was stopped starts again with its keys, append-only and never evicting", async () => {
  const folder = await temporaryFolder();
  const first = await startRedis({ folder, log });
  await withRedis(first.url, (redis) => redis.set("kept", "yes"));
  await first.stop();
  const second = await startRedis({ folder, log });
  atEnd(second.stop);
  await withRedis(second.url, async (redis) => {
    assert.equal(await redis.get("kept"), "yes");
    const settings = await redis.config("GET", "appendonly", "maxmemory-policy", "port", "save");
    for (const [name, value] of Object.entries({
      appendonly: "yes",
      "maxmemory-policy": "noeviction",
      port: "0",
      save: "",
    }))
      assert.equal(settings[settings.indexOf(name) + 1], value, name);
  });
});

test("a Redis with much to read back is not taken for ready before it has read it all", async () => {
  const folder = await temporaryFolder();
  const first = await startRedis({ folder, log });
  await withRedis(first.url, (redis) =>
    redis.eval("for n = 1, ARGV[1] do redis.call('SET', 'key.' .. n, n) end", 0, MANY),
  );
  await first.stop();
  const second = await startRedis({ folder, log });
  atEnd(second.stop);
  // Without ioredis's own check, which waits until all is read.
  const redis = new Redis({ path: fileURLToPath(second.url.replace("unix:", "file:")), enableReadyCheck: false });
  atEnd(() => redis.disconnect());
  assert.equal(await redis.dbsize(), MANY);
});

test("stopping twice, also at the same time, stops once", async () => {
  const { stop } = await startRedis({ folder: await temporaryFolder(), log });
  await Promise.all([stop(), stop()]);
  await stop();
});

test("an append-only file with garbage at its end names the command that mends it", async () => {
  const folder = await temporaryFolder();
  const first = await startRedis({ folder, log });
  await withRedis(first.url, (redis) => redis.set("kept", "yes"));
  await first.stop();
  const appendOnly = join(folder, "redis", "appendonlydir");
  const files = (await readdir(appendOnly)).filter((name) => name.endsWith(".incr.aof"));
  assert.ok(files.length > 0);
  for (const file of files) await appendFile(join(appendOnly, file), "neither RESP nor whole\r\n");
  let command = "";
  await assert.rejects(startRedis({ folder, log }), (error) => {
    command = /run (redis-check-aof --fix '.+')$/.exec((error as Error).message)?.[1] ?? "";
    return isOneLine(/cannot read the end of its append-only file/)(error);
  });
  execFileSync("/bin/sh", ["-c", `yes | ${command}`], { stdio: "ignore" });
  const second = await startRedis({ folder, log });
  atEnd(second.stop);
  assert.equal(await withRedis(second.url, (redis) => redis.get("kept")), "yes");
});
