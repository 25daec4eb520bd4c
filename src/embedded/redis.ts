import { readlink, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { Redis } from "ioredis";
import { readSurroundings } from "../config.ts";
import type { Log } from "../log.ts";
import { type EmbeddedServer, startChild } from "./child.ts";
import { EmbeddedError, type Faults } from "./embedded-error.ts";
import { findRedis, howToInstall, type RedisProgram } from "./install-redis.ts";
import { ownFolder, socketFolder } from "./server-folder.ts";

const SOCKET = "redis.sock";

/** Every write is in the append-only file within a second, no key is ever evicted, no snapshots beside it. */
const SETTINGS: Record<string, string> = {
  port: "0",
  unixsocketperm: "700",
  save: "",
  appendonly: "yes",
  appendfsync: "everysec",
  "maxmemory-policy": "noeviction",
  "hash-max-listpack-value": "512",
  daemonize: "no",
};

const FAULTS: Faults = [
  {
    wrote:
      /(?:Bad file format reading|Unexpected end of file reading|Unknown command .* reading) the append only file ([^\s:]+)/,
    say: "Redis cannot read the end of its append-only file: run redis-check-aof --fix 'appendonlydir/$1'",
  },
  { wrote: /No space left on device/, say: "Redis did not start: the disk is full" },
];

/** The program decides by its own name whether it is a server, so one that is not called so gets a name in our folder. */
const startable = async ({ path, startAs }: RedisProgram, folder: string): Promise<string> => {
  if (basename(path) === startAs) return path;
  const link = join(folder, startAs);
  if ((await readlink(link).catch(() => null)) !== path) {
    await rm(link, { force: true });
    await symlink(path, link);
  }
  return link;
};

/** One that reads its keys back answers with `async_loading:0` too. */
const LOADED = /^loading:0\r$/m;

/** True once the server with this very process id answers and has its keys in memory; an older one on the socket does not count. */
const isReady = async (socket: string, pid: number): Promise<boolean> => {
  const redis = new Redis({ path: socket, lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const info = await redis.info();
    return info.includes(`process_id:${pid}\r\n`) && LOADED.test(info);
  } finally {
    redis.disconnect();
  }
};

/**
 * Starts the system's Redis (or Valkey) on `folder`/redis: a unix socket only its owner may use, every write in the
 * append-only file within a second, no key ever evicted. It lives no longer than this process, even when that is killed.
 * Installs nothing. Throws EmbeddedError, one line.
 */
export const startRedis = async ({ folder, log }: { folder: string; log: Log }): Promise<EmbeddedServer> => {
  const program = await findRedis();
  if (!program) throw new EmbeddedError(await howToInstall());
  const own = await ownFolder(folder, "redis");
  const server = await startable(program, own);
  const sockets = await socketFolder(own, SOCKET);
  const socket = join(sockets.folder, SOCKET);
  const flags = Object.entries({ ...SETTINGS, unixsocket: socket, dir: own }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  const { stop } = await startChild({
    title: "Redis",
    folder: own,
    become: [],
    command: () => [server, ...flags],
    env: { ...readSurroundings(), LC_ALL: "C" },
    sockets,
    deathSignal: "TERM",
    stopBy: [
      { signal: "SIGTERM", withinMs: 15_000 },
      { signal: "SIGKILL", withinMs: 5_000 },
    ],
    readyWithinMs: 120_000,
    ready: (pid) => isReady(socket, pid),
    faults: FAULTS.map(({ wrote, say }) => ({ wrote, say: say.replace("'", `'${own}/`) })),
    log,
  });
  return { url: pathToFileURL(socket).href.replace("file:", "unix:"), stop };
};
