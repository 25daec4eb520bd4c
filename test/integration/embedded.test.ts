import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { test } from "node:test";
import { isAlive } from "../../src/embedded/owner.ts";
import { startPostgres } from "../../src/embedded/postgres.ts";
import { startRedis } from "../../src/embedded/redis.ts";
import { atEnd } from "../support/at-end.ts";
import { ask, isOneLine, withRedis } from "../support/embedded-servers.ts";
import { FAST_SETTINGS } from "../support/fast-settings.ts";
import { quietLog, temporaryFolder } from "../support/servers.ts";
import { until } from "../support/until.ts";

const log = quietLog;

const ownerOf = async (folder: string): Promise<{ server: number }> =>
  JSON.parse(await readFile(join(folder, "owner.json"), "utf8")) as { server: number };

type Program = { child: ChildProcess; databaseUrl: string; redisUrl: string; pids: number[] };

const PROGRAM = new URL("../support/embedded-program.ts", import.meta.url).pathname;

const spawnProgram = (folder: string): ChildProcess => {
  const child = spawn(process.execPath, [PROGRAM, folder], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  atEnd(() => child.kill("SIGKILL"));
  return child;
};

/** Both servers in a program of their own, as `npm start` has them. */
const startProgram = async (folder: string): Promise<Program> => {
  const child = spawnProgram(folder);
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  for await (const line of lines) {
    const urls = JSON.parse(line) as { databaseUrl: string; redisUrl: string };
    const owners = await Promise.all(["postgres", "redis"].map((name) => ownerOf(join(folder, name))));
    return { child, ...urls, pids: owners.map(({ server }) => server) };
  }
  throw new Error("the program ended before its servers were up");
};

test("a PostgreSQL that was stopped starts again with its rows, on a socket that only its owner may use", async () => {
  const folder = await temporaryFolder();
  const first = await startPostgres({ folder, log });
  await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
  assert.equal((await stat(join(folder, "postgres", ".s.PGSQL.5432"))).mode & 0o777, 0o700);
  assert.equal((await stat(join(folder, "postgres"))).mode & 0o777, 0o700);
  await first.stop();
  await assert.rejects(ask(first.url, "SELECT 1"), { code: "ENOENT" });
  const second = await startPostgres({ folder, log });
  atEnd(second.stop);
  assert.deepEqual(await ask(second.url, "SELECT answer FROM kept"), [{ answer: 42 }]);
});

test("a PostgreSQL of ours is durable, speaks UTC, sorts by code point and listens on no port", async () => {
  const { url, stop } = await startPostgres({ folder: await temporaryFolder(), log });
  atEnd(stop);
  const shown = await ask(
    url,
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync','synchronous_commit','full_page_writes','listen_addresses','TimeZone') ORDER BY name",
  );
  assert.deepEqual(Object.fromEntries(shown.map(({ name, setting }) => [name, setting])), {
    fsync: "on",
    full_page_writes: "on",
    listen_addresses: "",
    synchronous_commit: "on",
    TimeZone: "UTC",
  });
  assert.deepEqual(await ask(url, "SELECT lower('ÀÉ') AS low, 'a' > 'B' AS sorted"), [{ low: "àé", sorted: true }]);
});

test("a second program on the same folder is told who has it, and does no harm to the first", async () => {
  const folder = await temporaryFolder();
  const first = await startProgram(folder);
  const stderr: string[] = [];
  const second = spawnProgram(folder);
  second.stderr?.on("data", (part: Buffer) => stderr.push(part.toString()));
  await until(() => second.exitCode !== null, { what: "the second program gives up", deadlineMs: 20_000 });
  assert.equal(second.exitCode, 1);
  assert.match(
    stderr.join(""),
    new RegExp(`^PostgreSQL's folder \\S+ is in use by another program \\(process ${first.child.pid}\\): .+\\n$`),
  );
  await assert.rejects(startRedis({ folder, log }), isOneLine(/Redis's folder .+ is in use by another program/));
  assert.deepEqual(await ask(first.databaseUrl, "SELECT 1 AS one"), [{ one: 1 }]);
  assert.equal(await withRedis(first.redisUrl, (redis) => redis.ping()), "PONG");
});

test("both servers end when their program is killed, and the next program starts with everything acknowledged", async () => {
  const folder = await temporaryFolder();
  const first = await startProgram(folder);
  await ask(first.databaseUrl, "CREATE TABLE kept AS SELECT 42 AS answer");
  await withRedis(first.redisUrl, (redis) => redis.set("kept", "yes"));
  first.child.kill("SIGKILL");
  // At once, while the first one's servers are still ending: the next program waits for them.
  const second = await startProgram(folder);
  assert.deepEqual(first.pids.map(isAlive), [false, false]);
  assert.deepEqual(await ask(second.databaseUrl, "SELECT answer FROM kept"), [{ answer: 42 }]);
  assert.equal(await withRedis(second.redisUrl, (redis) => redis.get("kept")), "yes");
  second.child.kill("SIGKILL");
  await until(() => second.pids.every((pid) => !isAlive(pid)), { what: "the servers end after their program" });
});

test("Ctrl-C in the terminal reaches the program and not its servers", async () => {
  const { child, databaseUrl, redisUrl, pids } = await startProgram(await temporaryFolder());
  const group = (pid: number): string =>
    execFileSync("ps", ["-o", "pgid=", "-p", String(pid)])
      .toString()
      .trim();
  process.kill(-(child.pid as number), "SIGINT");
  for (const pid of pids) assert.notEqual(group(pid), group(child.pid as number));
  assert.deepEqual(await ask(databaseUrl, "SELECT 1 AS one"), [{ one: 1 }]);
  assert.equal(await withRedis(redisUrl, (redis) => redis.ping()), "PONG");
});

test("what a killed PostgreSQL left behind does not stop the next one, even when its process id lives again", async () => {
  const folder = await temporaryFolder();
  const first = await startPostgres({ folder, log });
  await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer");
  const { server } = await ownerOf(join(folder, "postgres"));
  const leftOver = join(folder, "postgres", "cluster", "postmaster.pid");
  const lines = (await readFile(leftOver, "utf8")).split("\n");
  process.kill(server, "SIGKILL");
  await until(() => !isAlive(server), { what: "PostgreSQL is dead" });
  await writeFile(leftOver, [process.pid, ...lines.slice(1)].join("\n"));
  await writeFile(join(folder, "postgres", ".s.PGSQL.5432.lock"), [process.pid, ...lines.slice(1)].join("\n"));
  await first.stop();
  const second = await startPostgres({ folder, log });
  atEnd(second.stop);
  assert.deepEqual(await ask(second.url, "SELECT answer FROM kept"), [{ answer: 42 }]);
});

test("a cluster whose making was interrupted is made anew", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "postgres", "cluster.new", "base"), { recursive: true });
  await writeFile(join(folder, "postgres", "cluster.new", "PG_VERSION"), "18\n");
  const { url, stop } = await startPostgres({ folder, log, settings: FAST_SETTINGS });
  atEnd(stop);
  assert.deepEqual(await ask(url, "SELECT current_database() AS name"), [{ name: "forewarn" }]);
});

test("a folder whose path is too long for a socket, or full of odd characters, works", async () => {
  const long = join(await temporaryFolder(), "long-".repeat(24));
  const odd = join(await temporaryFolder(), `it's a "földer", 100%25 & more?#`);
  for (const folder of [long, odd]) {
    const postgres = await startPostgres({ folder, log, settings: FAST_SETTINGS });
    const redis = await startRedis({ folder, log });
    assert.deepEqual(await ask(postgres.url, "SELECT 1 AS one"), [{ one: 1 }]);
    assert.equal(await withRedis(redis.url, (connection) => connection.ping()), "PONG");
    const sockets = new URL(redis.url).pathname;
    await Promise.all([redis.stop(), postgres.stop()]);
    await assert.rejects(stat(decodeURIComponent(sockets)), { code: "ENOENT" });
  }
});

test("a ledger of another PostgreSQL version says what to do", async () => {
  const folder = await temporaryFolder();
  await (await startPostgres({ folder, log, settings: FAST_SETTINGS })).stop();
  await writeFile(join(folder, "postgres", "cluster", "PG_VERSION"), "17\n");
  await assert.rejects(
    startPostgres({ folder, log }),
    isOneLine(/^The ledger was written by another major version of PostgreSQL: dump it/),
  );
});

test("a folder that cannot be made says so in one line", async () => {
  const file = join(await temporaryFolder(), "file");
  await writeFile(file, "");
  await chmod(file, 0o600);
  await assert.rejects(
    startPostgres({ folder: file, log }),
    isOneLine(/cannot be used \(ENOTDIR\): set FOREWARN_DATA/),
  );
});
