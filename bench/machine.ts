import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { findRedis } from "../src/embedded/install-redis.ts";
import { postgresPrograms } from "../src/embedded/postgres-programs.ts";

const MODULES = resolve(import.meta.dirname, "../node_modules");

/** What figures depend on beside the code: kept with them. */
export type Machine = {
  cores: number;
  cpu: string;
  memoryGb: number;
  kernel: string;
  versions: Record<string, string>;
};

const PACKAGES = ["bullmq", "fastify", "ioredis", "nodemailer", "pg", "undici", "zod"];

const packageVersion = (name: string): string =>
  (JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8")) as { version: string }).version;

/** What `--version` says of a program that may decide by its own name what it is. */
const versionOf = (program: string, argv0 = program): string =>
  /\d+(?:\.\d+)+/.exec(spawnSync(program, ["--version"], { argv0, encoding: "utf8" }).stdout)?.[0] ?? "unknown";

/** What the kernel counts of all cores together, in ticks: user, nice, system, idle, iowait, irq, softirq, steal. */
const ticks = (): number[] =>
  (/^cpu +([\d ]+)/.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "").split(" ").slice(0, 8).map(Number);

const STEAL = 7;

/** Measures from now on; answers which share of the cores' time the hypervisor has given to other machines since, 0 to 1. */
export const watchSteal = (): (() => number) => {
  const before = ticks();
  return () => {
    const spent = ticks().map((now, at) => now - (before[at] ?? 0));
    return (
      (spent[STEAL] ?? 0) /
      Math.max(
        1,
        spent.reduce((sum, one) => sum + one, 0),
      )
    );
  };
};

export const describeMachine = async (): Promise<Machine> => {
  const { postgres } = await postgresPrograms();
  const redis = await findRedis();
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    // Its first numbers: what a distribution or a cloud appends may name a place.
    kernel: release().split("-")[0] ?? "",
    versions: {
      node: process.version,
      postgres: versionOf(postgres),
      redis: redis ? versionOf(redis.path, redis.startAs) : "none",
      ...Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(name)])),
    },
  };
};
