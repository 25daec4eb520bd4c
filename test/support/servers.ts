import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import pg from "pg";
import { startPostgres } from "../../src/embedded/postgres.ts";
import { startRedis } from "../../src/embedded/redis.ts";
import { type Ledger, openLedger } from "../../src/ledger/connection.ts";
import { migrateLedger } from "../../src/ledger/migrate.ts";
import { makeLog } from "../../src/log.ts";
import { openRedis } from "../../src/queue/connection.ts";
import { atEnd } from "./at-end.ts";
import { FAST_SETTINGS } from "./fast-settings.ts";

/** Logs nothing; for dependencies that want a log. */
export const quietLog = makeLog("silent");

const TEMPLATE = "forewarn_template";
/** Any constant: files that run at the same time make the template once. */
const TEMPLATE_LOCK = 7_305_112_043;

/** A new folder that only its owner may enter, removed when the file's tests have ended. */
export const temporaryFolder = async (name = "forewarn-test-"): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), name));
  atEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
};

type Url = { url: string };
let databaseServer: Promise<Url> | undefined;
let redisServer: Promise<Url> | undefined;

/** The run's PostgreSQL (`npm test` exports it), or one of this file's own when it runs alone. */
const useDatabaseServer = (): Promise<Url> =>
  (databaseServer ??= process.env["TEST_DATABASE_URL"]
    ? Promise.resolve({ url: process.env["TEST_DATABASE_URL"] })
    : privatePostgres());

/** The run's Redis, or one of this file's own when it runs alone. */
const useRedisServer = (): Promise<Url> =>
  (redisServer ??= process.env["TEST_REDIS_URL"]
    ? Promise.resolve({ url: process.env["TEST_REDIS_URL"] })
    : privateRedis());

/** `url` with another database. */
const databaseUrl = (url: string, name: string): string => {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
};

const administer = async (url: string, work: (client: pg.Client) => Promise<void>): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl(url, "postgres") });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
};

const makeTemplate = (url: string): Promise<void> =>
  administer(url, async (client) => {
    await client.query("SELECT pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    const made = await client.query("SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate", [TEMPLATE]);
    if (made.rowCount) return;
    await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE}`);
    await client.query(`CREATE DATABASE ${TEMPLATE}`);
    await migrateLedger(databaseUrl(url, TEMPLATE));
    await client.query(`ALTER DATABASE ${TEMPLATE} IS_TEMPLATE true`);
  });

let databases = 0;

/** The URL of a new database, migrated and empty, dropped when the file's tests have ended. */
export const freshDatabase = async (): Promise<string> => {
  const { url } = await useDatabaseServer();
  await makeTemplate(url);
  databases += 1;
  const name = `test_${process.pid}_${databases}`;
  await administer(url, async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  });
  atEnd(() =>
    administer(url, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }),
  );
  return databaseUrl(url, name);
};

/** An open ledger on a database of its own; closed and dropped when the file's tests have ended. */
export const freshLedger = async (): Promise<{ url: string; ledger: Ledger }> => {
  const url = await freshDatabase();
  const ledger = openLedger(url, quietLog);
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= (async () => ledger.close())());
  atEnd(close);
  return { url, ledger: { ...ledger, close } };
};

let prefixes = 0;

/**
 * The run's Redis and a key prefix of one's own, for `openQueues(connection, log, prefix)`; its keys are deleted when the
 * file's tests have ended. Tests that flush or stop Redis take `privateRedis` instead.
 */
export const freshRedis = async (): Promise<{ url: string; prefix: string }> => {
  const { url } = await useRedisServer();
  prefixes += 1;
  const prefix = `test-${process.pid}-${prefixes}`;
  atEnd(async () => {
    const redis = openRedis(url, "worker");
    for await (const keys of redis.scanStream({ match: `${prefix}:*`, count: 1_000 }) as AsyncIterable<string[]>)
      if (keys.length > 0) await redis.unlink(...keys);
    redis.disconnect();
  });
  return { url, prefix };
};

/** An ioredis connection that closes when the file's tests have ended. */
export const connectRedis = (url: string, role: "producer" | "worker" = "worker"): Redis => {
  const redis = openRedis(url, role);
  redis.on("error", () => undefined);
  atEnd(() => redis.disconnect());
  return redis;
};

/** A server that one test file has to itself; `start` after `stop` brings it back at the same URL with what it had. */
export type PrivateServer = { url: string; folder: string; stop: () => Promise<void>; start: () => Promise<void> };

type StartServer = (where: {
  folder: string;
  log: typeof quietLog;
}) => Promise<{ url: string; stop: () => Promise<void> }>;

const privateServer = async (start: StartServer): Promise<PrivateServer> => {
  const folder = await temporaryFolder();
  let running = await start({ folder, log: quietLog });
  const server: PrivateServer = {
    url: running.url,
    folder,
    stop: () => running.stop(),
    start: async () => {
      running = await start({ folder, log: quietLog });
    },
  };
  atEnd(server.stop);
  return server;
};

export const privateRedis = (): Promise<PrivateServer> => privateServer(startRedis);

/** `durable` as in production, for tests that kill it: without, a crash loses the last commits. */
export const privatePostgres = ({ durable = false } = {}): Promise<PrivateServer> =>
  privateServer((where) => startPostgres(durable ? where : { ...where, settings: FAST_SETTINGS }));
