import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../log.ts";
import { EmbeddedError, explain, type Faults } from "./embedded-error.ts";
import { findProgram } from "./find-program.ts";
import { isAlive, isServing, type Owner, readOwner, removeOwner, writeOwner } from "./owner.ts";
import type { Sockets } from "./server-folder.ts";

/** A running server of ours. `stop` ends it in good order and resolves when it is gone; calling it again does nothing. */
export type EmbeddedServer = { url: string; stop: () => Promise<void> };

export type ServerPlan = {
  /** As people write it: `PostgreSQL`. */
  title: string;
  /** The server's own folder; holds `lock`, `owner.json` and `server.log`. */
  folder: string;
  /** Run before all else, to become another user. */
  become: readonly string[];
  /**
   * Must end as the process it began as (`exec`), so that signals and the lock reach the server itself. `locked` says
   * whether it runs alone on its folder for certain.
   */
  command: (locked: boolean) => readonly string[];
  env: NodeJS.ProcessEnv;
  sockets: Sockets;
  /** The kernel sends it when this process dies, however it dies. */
  deathSignal: "INT" | "TERM";
  /** How to stop, gentlest first, and how long each signal may take. */
  stopBy: readonly { signal: NodeJS.Signals; withinMs: number }[];
  readyWithinMs: number;
  /** Whether the server with this process id answers; a throw counts as "not yet". */
  ready: (pid: number) => Promise<boolean>;
  faults: Faults;
  log: Log;
};

type Guards = { prefix: readonly string[]; locked: boolean };
type Attempt = { child: ChildProcess; ended: Promise<number | null>; alive: () => boolean };

const LOCK_TAKEN = 75;
const POLL_MS = 20;
/** How long a server whose program was killed may take to end before the next one gives up on its folder. */
const ORPHAN_MS = 30_000;
const LOG_BYTES = 10 * 1_024 * 1_024;
const EXCERPT_BYTES = 65_536;

/**
 * util-linux's part in a server's life: `setpriv` ends it when its parent is killed, `flock` keeps a second one off its
 * folder. Both run the server in their own place, so the process id stays the one that was spawned. Elsewhere (macOS)
 * there is neither, and the owner file has to do.
 */
const guardsOf = async (plan: ServerPlan): Promise<Guards> => {
  if (process.platform !== "linux") return { prefix: [], locked: false };
  const [setpriv, flock] = await Promise.all([findProgram("setpriv"), findProgram("flock")]);
  return {
    prefix: [
      ...(setpriv ? [setpriv, "--pdeathsig", plan.deathSignal, "--"] : []),
      ...(flock ? [flock, "-n", "-E", String(LOCK_TAKEN), "-F", join(plan.folder, "lock")] : []),
    ],
    locked: flock !== null,
  };
};

const inUse = (plan: ServerPlan, owner: Owner): EmbeddedError =>
  new EmbeddedError(
    `${plan.title}'s folder ${plan.folder} is in use by another program (process ${owner.program}): stop that one, or set FOREWARN_DATA to another folder`,
  );

/** Without `flock`: a server that outlived its program is told to stop, one whose program lives is left alone. */
const claimUnlocked = async (plan: ServerPlan): Promise<void> => {
  const owner = await readOwner(plan.folder);
  if (!owner || !(await isServing(owner, plan.folder))) return;
  if (isAlive(owner.program)) throw inUse(plan, owner);
  const [gentlest] = plan.stopBy;
  if (gentlest) process.kill(owner.server, gentlest.signal);
  const deadline = performance.now() + ORPHAN_MS;
  while (isAlive(owner.server) && performance.now() < deadline) await pause(POLL_MS);
};

/** Opened for appending; what a long life has written is kept aside once. */
const openLog = (path: string): number => {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > LOG_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, "a+", 0o600);
};

const writtenSince = (fd: number, path: string, offset: number): string => {
  const bytes = Buffer.alloc(Math.min(statSync(path).size - offset, EXCERPT_BYTES));
  return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, offset));
};

const launch = (plan: ServerPlan, { prefix, locked }: Guards, logFd: number): Attempt => {
  const [program = "", ...rest] = [...plan.become, ...prefix, ...plan.command(locked)];
  const child = spawn(program, rest, {
    cwd: plan.folder,
    env: plan.env,
    stdio: ["ignore", logFd, logFd],
    // A session of its own: Ctrl-C must not reach it before those who use it have stopped.
    detached: true,
  });
  child.unref();
  let alive = true;
  const ended = new Promise<number | null>((resolve) => {
    const end = (code: number | null): void => {
      alive = false;
      resolve(code);
    };
    child.once("exit", end);
    child.once("error", () => end(null));
  });
  return { child, ended, alive: () => alive };
};

const becomesReady = async (plan: ServerPlan, { child, alive }: Attempt): Promise<boolean> => {
  const deadline = performance.now() + plan.readyWithinMs;
  while (alive() && performance.now() < deadline) {
    if (child.pid !== undefined && (await plan.ready(child.pid).catch(() => false))) return true;
    await pause(POLL_MS);
  }
  return false;
};

const stopChild = async (plan: ServerPlan, { child, ended, alive }: Attempt): Promise<void> => {
  for (const { signal, withinMs } of plan.stopBy) {
    if (!alive()) return;
    child.kill(signal);
    const patience = new AbortController();
    await Promise.race([ended, pause(withinMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
  }
};

/** From here on the server is ours: the owner file says so, and an end that nobody asked for is logged. */
const adopt = async (plan: ServerPlan, attempt: Attempt): Promise<{ stop: () => Promise<void> }> => {
  const before = await readOwner(plan.folder);
  if (before?.sockets) await rm(before.sockets, { recursive: true, force: true });
  await writeOwner(plan.folder, {
    program: process.pid,
    server: attempt.child.pid ?? 0,
    sockets: plan.sockets.temporary ? plan.sockets.folder : null,
  });
  let stopping: Promise<void> | undefined;
  void attempt.ended.then((code) => {
    if (!stopping)
      plan.log.fatal({ server: plan.title, code, folder: plan.folder }, "an embedded server ended by itself");
  });
  const stop = async (): Promise<void> => {
    await stopChild(plan, attempt);
    await removeOwner(plan.folder);
    if (plan.sockets.temporary) await rm(plan.sockets.folder, { recursive: true, force: true });
  };
  return { stop: () => (stopping ??= stop()) };
};

/**
 * Starts a server as a child that lives no longer than this process, alone on its folder, and waits until it answers.
 *
 * A server left over by a killed program is waited for; one whose program lives is an EmbeddedError, as is everything
 * that keeps the server from starting.
 */
export const startChild = async (plan: ServerPlan): Promise<{ stop: () => Promise<void> }> => {
  const logFile = join(plan.folder, "server.log");
  const guards = await guardsOf(plan);
  const deadline = performance.now() + ORPHAN_MS;
  let logFd: number | undefined;
  try {
    if (!guards.locked) await claimUnlocked(plan);
    logFd = openLog(logFile);
    for (;;) {
      const offset = statSync(logFile).size;
      const attempt = launch(plan, guards, logFd);
      if (await becomesReady(plan, attempt)) return await adopt(plan, attempt);
      if (attempt.alive()) {
        await stopChild(plan, attempt);
        throw new EmbeddedError(`${plan.title} did not answer within ${plan.readyWithinMs / 1_000} s (${logFile})`);
      }
      const wrote = writtenSince(logFd, logFile, offset);
      if ((await attempt.ended) !== LOCK_TAKEN)
        throw explain({ title: plan.title, faults: plan.faults, wrote, logFile });
      const owner = await readOwner(plan.folder);
      if (owner && isAlive(owner.program)) throw inUse(plan, owner);
      if (performance.now() > deadline)
        throw new EmbeddedError(`${plan.title}'s folder ${plan.folder} is locked: stop what still runs there`);
      await pause(POLL_MS);
    }
  } catch (error) {
    if (plan.sockets.temporary) await rm(plan.sockets.folder, { recursive: true, force: true });
    throw error;
  } finally {
    if (logFd !== undefined) closeSync(logFd);
  }
};
