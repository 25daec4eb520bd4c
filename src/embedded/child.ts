import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../log.ts";
import { findProgram } from "./find-program.ts";

/** A running server of ours. `stop` ends it in good order and resolves when it is gone; calling it again does nothing. */
export type EmbeddedServer = { url: string; stop: () => Promise<void> };

/** Why a server cannot start: one line that says what to do about it. */
export class EmbeddedError extends Error {
  override readonly name = "EmbeddedError";
}

/** What a server wrote before it ended → what to tell its user. `$1`… are the pattern's groups. */
export type Faults = readonly { wrote: RegExp; say: string }[];

type ServerPlan = {
  /** As people write it: `PostgreSQL`. */
  title: string;
  /** The server's own folder; holds `lock`, `owner.json` and `server.log`. */
  folder: string;
  /** Run before all else, to become another user. */
  become: readonly string[];
  /**
   * Must end as the process it began as (`exec`), so that signals and the lock reach the server itself. `locked` says
   * whether it runs alone on its folder.
   */
  command: (locked: boolean) => readonly string[];
  env: NodeJS.ProcessEnv;
  /** The folder that holds the server's socket; a temporary one is removed with the server. */
  sockets: { folder: string; temporary: boolean };
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

/** Who runs the server: `pid` is the program's, `server` the server's own. */
type Owner = { pid: number; server: number; sockets: string | null };

const LOCK_TAKEN = 75;
const POLL_MS = 20;
/** How long a server whose program was killed may take to end before the next one gives up on its lock. */
const ORPHAN_MS = 30_000;
/** `sun_path` less its NUL. */
const SOCKET_BYTES = process.platform === "linux" ? 107 : 103;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** `folder`/`name`, made where it is missing, for its owner alone. */
export const ownFolder = async (folder: string, name: string): Promise<string> => {
  const own = join(resolve(folder), name);
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    await access(own, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new EmbeddedError(
      `${own} cannot be used (${(error as Error).message}): set FOREWARN_DATA to a folder of your own`,
    );
  }
  return own;
};

/** `folder` when a socket named `file` fits into it, otherwise a new temporary folder that only its owner may enter. */
export const socketFolder = async (folder: string, file: string): Promise<{ folder: string; temporary: boolean }> => {
  const fits = (path: string): boolean => Buffer.byteLength(join(path, file)) <= SOCKET_BYTES;
  if (fits(folder)) return { folder, temporary: false };
  const base = fits(join(tmpdir(), "forewarn-XXXXXX")) ? tmpdir() : "/tmp";
  return { folder: await mkdtemp(join(base, "forewarn-")), temporary: true };
};

type Guards = { prefix: string[]; locked: boolean };

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

const readOwner = async (folder: string): Promise<Owner | null> => {
  try {
    return JSON.parse(await readFile(join(folder, "owner.json"), "utf8")) as Owner;
  } catch {
    return null;
  }
};

const inUse = (plan: ServerPlan, owner: Owner): EmbeddedError =>
  new EmbeddedError(
    `${plan.title}'s folder ${plan.folder} is in use by another program (process ${owner.pid}): stop that one, or set FOREWARN_DATA to another folder`,
  );

/** Without `flock`: a server that outlived its program is told to stop, one whose program lives is left alone. */
const clearUnlocked = async (plan: ServerPlan, owner: Owner | null): Promise<void> => {
  if (!owner) return;
  if (isAlive(owner.pid)) throw inUse(plan, owner);
  const deadline = performance.now() + ORPHAN_MS;
  const gentlest = plan.stopBy[0];
  if (gentlest && isAlive(owner.server)) process.kill(owner.server, gentlest.signal);
  while (isAlive(owner.server) && performance.now() < deadline) await pause(POLL_MS);
};

const writtenSince = (path: string, offset: number): string => {
  const fd = openSync(path, "r");
  const bytes = Buffer.alloc(Math.max(0, Math.min(statSync(path).size - offset, 65_536)));
  readSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
  return bytes.toString("utf8");
};

const explain = (plan: ServerPlan, wrote: string, logFile: string): EmbeddedError => {
  for (const fault of plan.faults) {
    const found = fault.wrote.exec(wrote);
    if (found) return new EmbeddedError(fault.say.replaceAll(/\$(\d)/g, (_, no: string) => found[Number(no)] ?? ""));
  }
  const last = wrote.trimEnd().split("\n").at(-1) ?? "";
  return new EmbeddedError(`${plan.title} did not start: ${last || "it wrote nothing"} (${logFile})`);
};

type Attempt = { child: ChildProcess; ended: Promise<number | null>; alive: () => boolean };

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

/**
 * Starts a server as a child that lives no longer than this process, alone on its folder, and waits until it answers.
 *
 * A server left over by a killed program is waited for; one whose program lives is an EmbeddedError, as is everything
 * that keeps the server from starting.
 */
export const startChild = async (plan: ServerPlan): Promise<{ stop: () => Promise<void> }> => {
  const logFile = join(plan.folder, "server.log");
  const ownerFile = join(plan.folder, "owner.json");
  const guards = await guardsOf(plan);
  const before = await readOwner(plan.folder);
  if (!guards.locked) await clearUnlocked(plan, before);

  const logFd = openSync(logFile, "a", 0o600);
  const orphanDeadline = performance.now() + ORPHAN_MS;
  try {
    for (;;) {
      const offset = statSync(logFile).size;
      const attempt = launch(plan, guards, logFd);
      if (await becomesReady(plan, attempt)) return await adopt(plan, attempt, { before, ownerFile });
      if (attempt.alive()) {
        await stopChild(plan, attempt);
        throw new EmbeddedError(`${plan.title} did not answer within ${plan.readyWithinMs / 1_000} s (${logFile})`);
      }
      if ((await attempt.ended) !== LOCK_TAKEN) throw explain(plan, writtenSince(logFile, offset), logFile);
      const owner = await readOwner(plan.folder);
      if (owner && isAlive(owner.pid)) throw inUse(plan, owner);
      if (performance.now() > orphanDeadline)
        throw new EmbeddedError(`${plan.title}'s folder ${plan.folder} is locked: stop what is left running there`);
      await pause(100);
    }
  } catch (error) {
    if (plan.sockets.temporary) await rm(plan.sockets.folder, { recursive: true, force: true });
    throw error;
  } finally {
    closeSync(logFd);
  }
};

/** From here on the server is ours: the owner file says so, and an end that nobody asked for is logged. */
const adopt = async (
  plan: ServerPlan,
  attempt: Attempt,
  { before, ownerFile }: { before: Owner | null; ownerFile: string },
): Promise<{ stop: () => Promise<void> }> => {
  if (before?.sockets && before.sockets !== plan.sockets.folder)
    await rm(before.sockets, { recursive: true, force: true });
  const owner: Owner = {
    pid: process.pid,
    server: attempt.child.pid ?? 0,
    sockets: plan.sockets.temporary ? plan.sockets.folder : null,
  };
  await writeFile(ownerFile, JSON.stringify(owner), { mode: 0o600 });
  let stopping: Promise<void> | undefined;
  void attempt.ended.then((code) => {
    if (!stopping)
      plan.log.fatal({ server: plan.title, code, folder: plan.folder }, "an embedded server ended by itself");
  });
  const stop = async (): Promise<void> => {
    await stopChild(plan, attempt);
    await rm(ownerFile, { force: true });
    if (plan.sockets.temporary) await rm(plan.sockets.folder, { recursive: true, force: true });
  };
  return { stop: () => (stopping ??= stop()) };
};
