import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Pool } from "pg";
import { readConfig } from "../src/config.ts";
import { startPostgres } from "../src/embedded/postgres.ts";
import { startRedis } from "../src/embedded/redis.ts";
import { makeLog } from "../src/log.ts";
import { connect } from "../src/processes/connect.ts";
import type { Parts } from "../src/processes/parts.ts";
import { cpuUsOf, cpuUsOfFamily, parentOf } from "./cpu.ts";
import { wayOfStarting } from "./way-of-starting.ts";

const ROOT = resolve(import.meta.dirname, "..");
/** `BENCH_PROFILE=<folder>`: each of Forewarn's processes leaves a CPU profile there as it ends. */
const PROFILING = process.env["BENCH_PROFILE"]
  ? ["--cpu-prof", `--cpu-prof-dir=${resolve(process.env["BENCH_PROFILE"])}`]
  : [];
/** `BENCH_NODE_FLAGS="--trace-gc …"` for Forewarn's processes. */
const FLAGS = (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter(Boolean);
const START_MS = 20_000;
const STOP_MS = 20_000;

/** One of Forewarn's real processes; `said` is the line of its log by which it was ready. */
export type RealProcess = { pid: number; said: string; stop(): Promise<void> };

/** A ledger and a queue of a scenario's own, durable as in production, and Forewarn's processes on them. */
export type Stage = {
  parts: Parts;
  sql: Pool;
  /** `file` from the project's root, ready when it has logged `ready`. */
  start(file: string, env?: Record<string, string>, ready?: string): Promise<RealProcess>;
  /** CPU time used so far, in µs. */
  cpuUs: { postgres(): number; redis(): number };
  close(): Promise<void>;
};

/** Waits for a line of the log that says so; a process that ends first throws with its last lines. */
const startReal = async (file: string, env: Record<string, string>, ready: string): Promise<RealProcess> => {
  const way = wayOfStarting(file);
  const child: ChildProcess = spawn(process.execPath, [...way.options, ...PROFILING, ...FLAGS, join(ROOT, file)], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...way.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const last: string[] = [];
  const { stdout } = child;
  if (!stdout) throw new Error(`${file} has no output`);
  const lines = createInterface({ input: stdout });
  const said = await new Promise<string>((settle, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} did not start`)), START_MS);
    lines.on("line", (line) => {
      last.push(line);
      if (last.length > 20) last.shift();
      if (!line.includes(ready)) return;
      clearTimeout(timer);
      settle(line);
    });
    void exited.then(() => reject(new Error(`${file} ended: ${last.join("\n")}`)));
  });
  return {
    pid: child.pid ?? 0,
    said,
    stop: async () => {
      if (child.exitCode !== null) return;
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      child.kill("SIGTERM");
      await exited;
      clearTimeout(timer);
    },
  };
};

/** Opens the stage; `close` stops every process that was started on it. */
export const openStage = async (): Promise<Stage> => {
  const folder = await mkdtemp(join(tmpdir(), "forewarn-bench-"));
  const quiet = makeLog("silent");
  const [postgres, redis] = await Promise.all([
    startPostgres({ folder, log: quiet }),
    startRedis({ folder, log: quiet }),
  ]);
  const secret = randomBytes(48).toString("base64");
  const env: Record<string, string> = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    FOREWARN_SECRET: secret,
    FOREWARN_WEBHOOK_ALLOW: "127.0.0.0/8",
    LOG_LEVEL: "info",
  };
  const config = { ...readConfig({}), databaseUrl: postgres.url, redisUrl: redis.url, secret };
  const parts = await connect({ ...config, webhookAllow: ["127.0.0.0/8"] }, quiet);
  const sql = parts.ledger.pools.routine;
  const { rows } = await sql.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const postmaster = parentOf(rows[0]?.pid ?? 0);
  if (parts.redis.status !== "ready") await once(parts.redis, "ready");
  const [, redisPid] = /process_id:(\d+)/.exec(await parts.redis.info("server")) ?? [];
  const started: RealProcess[] = [];
  return {
    parts,
    sql,
    start: async (file, more = {}, ready = '"started"') => {
      const real = await startReal(file, { ...env, ...more }, ready);
      started.push(real);
      return real;
    },
    cpuUs: { postgres: () => cpuUsOfFamily(postmaster), redis: () => cpuUsOf(Number(redisPid)) },
    close: async () => {
      await Promise.all(started.map((one) => one.stop()));
      await parts.close();
      await Promise.all([postgres.stop(), redis.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
};
