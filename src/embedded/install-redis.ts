import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { readSurroundings } from "../config.ts";
import { EmbeddedError } from "./embedded-error.ts";
import { findProgram } from "./find-program.ts";

const run = promisify(execFile);

/** A Redis or Valkey server; `startAs` is the name it must be started under to be one. */
export type RedisProgram = { path: string; startAs: string; major: number };

const OLDEST_MAJOR = 7;

/** Debian's and Ubuntu's `-tools` packages hold the same program under its checker's name, and start no daemon. */
const CANDIDATES = [
  { program: "redis-server", startAs: "redis-server" },
  { program: "valkey-server", startAs: "valkey-server" },
  { program: "redis-check-rdb", startAs: "redis-server" },
  { program: "valkey-check-rdb", startAs: "valkey-server" },
] as const;

type Manager = {
  program: string;
  /** What a person types. */
  say: string;
  /** What we may run by ourselves, in order; the second is the remedy when the first fails, and so on. Null: never. */
  install: { as: "root" | "not root"; steps: readonly (readonly string[])[] } | null;
};

const APT_INSTALL = [
  "apt-get",
  "install",
  "-y",
  "--no-install-recommends",
  "-o",
  "DPkg::Lock::Timeout=120",
  "redis-tools",
] as const;

/** By package manager; the first that is there is the one. */
const MANAGERS: readonly Manager[] = [
  {
    program: "apt-get",
    say: "sudo apt-get install redis-tools",
    // Package lists may be missing or stale: they are fetched only when the installation fails without.
    install: {
      as: "root",
      steps: [APT_INSTALL, ["apt-get", "update", "-o", "DPkg::Lock::Timeout=120"], APT_INSTALL],
    },
  },
  { program: "brew", say: "brew install redis", install: { as: "not root", steps: [["brew", "install", "redis"]] } },
  { program: "dnf", say: "sudo dnf install valkey", install: null },
  { program: "apk", say: "sudo apk add redis", install: null },
  { program: "pacman", say: "sudo pacman -S valkey", install: null },
  { program: "zypper", say: "sudo zypper install redis", install: null },
];

/** Asked under the name it will be started by, which is what makes Debian's checker a server. */
const majorOf = (path: string, startAs: string): number | null => {
  const { stdout } = spawnSync(path, ["--version"], { argv0: startAs, encoding: "utf8", timeout: 5_000 });
  const major = /^(?:Redis|Valkey) server v=(\d+)\./m.exec(stdout ?? "")?.[1];
  return major === undefined ? null : Number(major);
};

const allRedis = async (): Promise<RedisProgram[]> => {
  const found: RedisProgram[] = [];
  for (const { program, startAs } of CANDIDATES) {
    const path = await findProgram(program);
    const major = path && majorOf(path, startAs);
    if (path && major) found.push({ path, startAs, major });
  }
  return found;
};

const attempt = async ([program = "", ...rest]: readonly string[]): Promise<string | null> =>
  run(program, rest, {
    env: { ...readSurroundings(), DEBIAN_FRONTEND: "noninteractive", HOMEBREW_NO_AUTO_UPDATE: "1" },
    maxBuffer: 16 * 1_024 * 1_024,
  }).then(
    () => null,
    (error: { stderr?: string; message: string }) => error.stderr?.trim().split("\n").at(-1) || error.message,
  );

/** What installing asks of the machine; `run` gives null, or why the command failed. */
export type Machine = {
  servers: () => Promise<readonly RedisProgram[]>;
  hasProgram: (name: string) => Promise<boolean>;
  run: (command: readonly string[]) => Promise<string | null>;
  isRoot: boolean;
};

const THIS_MACHINE: Machine = {
  servers: allRedis,
  hasProgram: async (name) => (await findProgram(name)) !== null,
  run: attempt,
  isRoot: process.getuid?.() === 0,
};

const findManager = async ({ hasProgram }: Machine): Promise<Manager | null> => {
  for (const manager of MANAGERS) if (await hasProgram(manager.program)) return manager;
  return null;
};

const recentEnough = (servers: readonly RedisProgram[]): RedisProgram | null =>
  servers.find(({ major }) => major >= OLDEST_MAJOR) ?? null;

/** The server to run: Redis or Valkey 7 or newer, also where only Debian's `redis-tools` is installed; null when there is none. */
export const findRedis = async (): Promise<RedisProgram | null> => recentEnough(await allRedis());

/** One line for a person whose machine has no Redis, or one too old. */
export const howToInstall = async (machine: Machine = THIS_MACHINE): Promise<string> => {
  const [old] = await machine.servers();
  if (old)
    return `Redis ${old.major} (${old.path}) is too old, ${OLDEST_MAJOR} or newer is needed: set REDIS_URL to a newer server`;
  const manager = await findManager(machine);
  const remedy = manager ? `run ${manager.say}` : `install redis-server ${OLDEST_MAJOR} or newer`;
  return `Redis is not installed: ${remedy}, or set REDIS_URL to a server of your own`;
};

/**
 * Finds Redis, or installs it with the system's package manager when `mayInstall` and the system let us (apt as root,
 * brew), after `say` has told so. Debian's `redis-tools` is enough and leaves no daemon behind. Otherwise throws
 * EmbeddedError, one line that says what to run. One that is too old is left for its owner to replace.
 */
export const ensureRedis = async (
  { mayInstall, say }: { mayInstall: boolean; say: (line: string) => void },
  machine: Machine = THIS_MACHINE,
): Promise<RedisProgram> => {
  const servers = await machine.servers();
  const found = recentEnough(servers);
  if (found) return found;
  const install = (await findManager(machine))?.install;
  if (!mayInstall || servers.length > 0 || !install || (install.as === "root") !== machine.isRoot)
    throw new EmbeddedError(await howToInstall(machine));

  let fault: string | null = null;
  for (const step of install.steps) {
    say(`Redis is not installed; running: ${step.join(" ")}  (FOREWARN_NO_INSTALL=1 forbids it)`);
    fault = await machine.run(step);
    const installed = fault === null ? recentEnough(await machine.servers()) : null;
    if (installed) return installed;
  }
  throw new EmbeddedError(`${await howToInstall(machine)}${fault === null ? "" : ` (installing it failed: ${fault})`}`);
};
