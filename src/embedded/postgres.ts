import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { readSurroundings } from "../config.ts";
import type { Log } from "../log.ts";
import { type EmbeddedServer, startChild } from "./child.ts";
import type { Faults } from "./embedded-error.ts";
import { postgresPrograms } from "./postgres-programs.ts";
import { runAs } from "./run-as.ts";
import { ownFolder, socketFolder } from "./server-folder.ts";

/** The port only names the socket; nothing listens on TCP. */
const SOCKET = ".s.PGSQL.5432";
const DATABASE = "forewarn";

/**
 * A durable ledger on a small machine. What a statement held stays out of the log: it may be a partner's address. Statistics
 * of few rows: no plan needs finer ones, and autovacuum takes a fifth of the time for them while events wait for a core.
 */
const SETTINGS: Record<string, string> = {
  listen_addresses: "",
  port: "5432",
  unix_socket_permissions: "0700",
  max_connections: "100",
  shared_buffers: "128MB",
  fsync: "on",
  synchronous_commit: "on",
  wal_compression: "on",
  checkpoint_timeout: "15min",
  checkpoint_completion_target: "0.9",
  max_wal_size: "1GB",
  default_statistics_target: "10",
  jit: "off",
  lc_messages: "C",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
};

/**
 * Makes the cluster where there is none, under another name until it is whole, then becomes the server. It runs under
 * the folder's lock, so a `postmaster.pid` it finds is a killed server's: without the lock it is left for PostgreSQL to judge.
 */
const SCRIPT = `set -e
data=$1 sockets=$2 initdb=$3 postgres=$4 locked=$5
shift 5
if [ ! -f "$data/PG_VERSION" ]; then
  rm -rf "$data.new"
  "$initdb" -D "$data.new" -U postgres --auth=trust -E UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --no-instructions
  mv "$data.new" "$data"
fi
if [ "$locked" = locked ]; then rm -f "$data/postmaster.pid" "$sockets/${SOCKET}" "$sockets/${SOCKET}.lock"; fi
exec "$postgres" -D "$data" "$@"
`;

const FAULTS: Faults = [
  {
    wrote: /database files are incompatible with server/,
    say: "The ledger was written by another major version of PostgreSQL: dump it with the release of Forewarn that wrote it and restore it here, or set DATABASE_URL",
  },
  {
    wrote: /error while loading shared libraries: (\S+?):/,
    say: "PostgreSQL lacks the library $1: run npm ci again with install scripts allowed, or set DATABASE_URL",
  },
  { wrote: /No space left on device/, say: "PostgreSQL did not start: the disk is full" },
  {
    wrote: /data directory "(.+)" has wrong ownership/,
    say: "The ledger in $1 belongs to another user: run as that user, or set FOREWARN_DATA to another folder",
  },
  {
    wrote: /lock file "postmaster\.pid" already exists/,
    say: "PostgreSQL's folder is in use by another program: stop that one, or set FOREWARN_DATA to another folder",
  },
];

/** No PG… variable of the surroundings may reach the server: PGDATA or PGPORT would move it. */
const childEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(readSurroundings()).filter(([name]) => !name.startsWith("PG"))),
  LC_ALL: "C",
});

const ask = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/** Whether the server on the cluster is this very process, and not an older one that still has the socket. */
const isServedBy = async (cluster: string, pid: number): Promise<boolean> => {
  const lines = (await readFile(join(cluster, "postmaster.pid"), "utf8")).split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
};

/** Makes the database where there is none; true once it is there. */
const ensureDatabase = (url: string): Promise<boolean> =>
  ask(url, async (client) => {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [DATABASE]);
    if (!found.rowCount) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  });

/**
 * Starts the PostgreSQL that npm brought on `folder`/postgres, on a unix socket only its owner may use, and makes the
 * database `forewarn`. It lives no longer than this process, even when that is killed. Throws EmbeddedError, one line.
 *
 * @param settings server settings on top of ours; tests turn durability off
 */
export const startPostgres = async ({
  folder,
  log,
  settings = {},
}: {
  folder: string;
  log: Log;
  settings?: Record<string, string>;
}): Promise<EmbeddedServer> => {
  const own = await ownFolder(folder, "postgres");
  const { initdb, postgres } = await postgresPrograms();
  const cluster = join(own, "cluster");
  const become = await runAs({ cluster, log });
  const sockets = await socketFolder(own, `${SOCKET}.lock`);
  const urlOf = (database: string): string =>
    `postgres://postgres@localhost/${database}?host=${encodeURIComponent(sockets.folder)}`;
  // PostgreSQL splits the value at commas, but not within double quotes.
  const quoted = `"${sockets.folder.replaceAll('"', '""')}"`;
  const flags = Object.entries({ ...SETTINGS, unix_socket_directories: quoted, ...settings }).flatMap(
    ([name, value]) => ["-c", `${name}=${value}`],
  );
  const { stop } = await startChild({
    title: "PostgreSQL",
    folder: own,
    become,
    command: (locked) =>
      ["/bin/sh", "-c", SCRIPT, "postgres", cluster, sockets.folder, initdb, postgres].concat(
        locked ? "locked" : "unlocked",
        flags,
      ),
    env: childEnvironment(),
    sockets,
    // INT is a fast shutdown: it ends sessions and writes a checkpoint. TERM would wait for the sessions.
    deathSignal: "INT",
    stopBy: [
      { signal: "SIGINT", withinMs: 20_000 },
      { signal: "SIGQUIT", withinMs: 5_000 },
      { signal: "SIGKILL", withinMs: 5_000 },
    ],
    // Replaying the log after a crash may take a while.
    readyWithinMs: 120_000,
    ready: async (pid) => (await isServedBy(cluster, pid)) && (await ensureDatabase(urlOf("postgres"))),
    faults: FAULTS,
    log,
  });
  return { url: urlOf(DATABASE), stop };
};
