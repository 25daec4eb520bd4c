import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { atEnd } from "./at-end.ts";
import { bareEnvironment } from "./bare-environment.ts";
import { until } from "./until.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** One of this project's programs, running as a process of its own. */
export type Program = {
  pid: number;
  /** Its log so far, parsed; lines that are not JSON as `{ msg }`. */
  log: readonly Record<string, unknown>[];
  kill(signal: NodeJS.Signals): void;
  /** Resolves to the exit code, or to the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
};

/** Starts `file` (from the project's root) with `env` over a clean environment, and waits for `ready` in its log. It is killed at the end. */
export const startProgram = async (
  file: string,
  { env, args = [], ready = "started" }: { env: Record<string, string>; args?: readonly string[]; ready?: string },
): Promise<Program> => {
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, file), ...args], {
    cwd: ROOT,
    env: { ...bareEnvironment(), HOME: process.env["HOME"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: Record<string, unknown>[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on("line", (line) => {
      try {
        log.push(JSON.parse(line) as Record<string, unknown>);
      } catch {
        log.push({ msg: line });
      }
    });
  }
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => (code ?? signal) as number | NodeJS.Signals);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  atEnd(async () => {
    if (over) return;
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await ended;
  });
  await until(() => over || log.some((line) => String(line["msg"]).includes(ready)), {
    deadlineMs: 60_000,
    what: `${file} says "${ready}"`,
  });
  if (over) throw new Error(`${file} ended at once with ${await ended}: ${JSON.stringify(log.slice(-5))}`);
  return { pid: child.pid ?? 0, log, ended, kill: (signal) => void child.kill(signal) };
};
