import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { atEnd } from "../support/at-end.ts";
import { bareEnvironment } from "../support/bare-environment.ts";
import { temporaryFolder } from "../support/servers.ts";
import { until } from "../support/until.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

type Run = { npm: ChildProcess; ended: Promise<unknown>; local: string; pids: number[]; said: () => string };

/** `npm start`, in a process group of its own as a terminal would have it, until it listens; `pids`: npm's descendants. */
const npmStart = async (): Promise<Run> => {
  const folder = await temporaryFolder();
  const npm = spawn("npm", ["start"], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...bareEnvironment(), HOME: process.env["HOME"] ?? folder, FOREWARN_DATA: folder, PORT: "0" },
  });
  const ended = once(npm, "exit");
  let said = "";
  npm.stderr?.on("data", (part: Buffer) => (said += part.toString()));
  atEnd(() => {
    for (const pid of [npm.pid ?? 0, ...pids]) if (pid > 0 && isAlive(pid)) process.kill(pid, "SIGKILL");
  });
  const pids: number[] = [];
  const local = join(folder, "server.json");
  await until(() => existsSync(local), { deadlineMs: 60_000, what: `npm start listens; it said: ${said}` });
  const cluster = readFileSync(join(folder, "postgres", "cluster", "postmaster.pid"), "utf8");
  pids.push((JSON.parse(readFileSync(local, "utf8")) as { pid: number }).pid, Number(cluster.split("\n")[0]));
  assert.ok(isAlive(pids[0]!), "it runs");
  return { npm, ended, local, pids: pids.filter((pid) => pid > 1), said: () => said };
};

const ENDS: { how: string; end: (npm: number) => void }[] = [
  { how: "npm is asked to end", end: (npm) => process.kill(npm, "SIGTERM") },
  { how: "Ctrl-C reaches npm and all it runs", end: (npm) => process.kill(-npm, "SIGINT") },
  { how: "npm is killed", end: (npm) => process.kill(npm, "SIGKILL") },
];

for (const { how, end } of ENDS)
  test(`when ${how}, what npm start has started drains and ends within 20 s`, async () => {
    const run = await npmStart();
    const endedAt = performance.now();
    end(run.npm.pid!);
    await until(() => !run.pids.some(isAlive), { deadlineMs: 25_000, what: `all has ended; it said: ${run.said()}` });
    assert.ok(performance.now() - endedAt < 20_000);
    assert.ok(!existsSync(run.local), "in good order");
    await run.ended;
  });
