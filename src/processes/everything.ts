import type { Config } from "../config.ts";
import { CHANNELS } from "../domain/category.ts";
import { startPostgres } from "../embedded/postgres.ts";
import { startRedis } from "../embedded/redis.ts";
import { writeAdminKey } from "../http/first-key.ts";
import { endLeases } from "../ledger/chunks.ts";
import type { Log } from "../log.ts";
import { startApi } from "./api.ts";
import { connect, loadPolicy } from "./connect.ts";
import { localSettings, removeLocalServer, writeLocalServer } from "./local-server.ts";
import { checkTemplates } from "./own-templates.ts";
import type { Parts, Running } from "./parts.ts";
import { startScheduler } from "./scheduler.ts";
import { keptSecret } from "./secret.ts";
import { startSender } from "./sender.ts";
import { makeStops } from "./stops.ts";

/** API, scheduler and both senders, running in this process. */
export type Everything = {
  /** Where the API listens, `http://127.0.0.1:8484`. */
  address: string;
  parts: Parts;
  /** The first admin key, when nobody has seen it yet: to be printed. */
  adminKey: string | null;
  /** Drains what is in flight and ends all of it, the embedded servers last. */
  stop(): Promise<void>;
};

/** SIGTERM to exit, all in all (issue: "drains and exits 0 within 20 s"). */
const STOP_MS = 18_000;

/**
 * Starts everything in one process: PostgreSQL and Redis under the data folder unless their URLs are set, then the API,
 * the scheduler and the senders. What was started is stopped again when a later part fails.
 *
 * Throws EmbeddedError or ConfigError, whose text is for the operator.
 */
export const startEverything = async (given: Config, log: Log): Promise<Everything> => {
  const stops = makeStops(log, STOP_MS);
  const embedded = async (name: string, start: typeof startPostgres): Promise<string> => {
    const server = await start({ folder: given.dataFolder, log });
    stops.add(name, () => server.stop());
    return server.url;
  };
  // A fault in it is told before anything is started or written.
  await loadPolicy(given.policyFile);
  checkTemplates(given.templatesFolder);
  try {
    const config: Config = {
      ...given,
      secret: given.secret ?? keptSecret(given.dataFolder),
      databaseUrl: given.databaseUrl ?? (await embedded("postgres", startPostgres)),
      redisUrl: given.redisUrl ?? (await embedded("redis", startRedis)),
    };
    const parts = await connect(config, log);
    stops.add("connections", () => parts.close());
    // The servers end with the program that started them: where the ledger is our own, a lease is left from one that was killed.
    if (given.databaseUrl === undefined) {
      const chunks = await endLeases(parts.ledger.pools.routine);
      if (chunks > 0) log.warn({ chunks }, "the former program was killed while it sent; its chunks are sent again");
    }
    const senders: Running[] = [];
    // Together, because each may wait for a slow receiver.
    stops.add("senders", async () => void (await Promise.all(senders.map((sender) => sender.stop()))));
    for (const channel of CHANNELS) senders.push(await startSender(channel, parts));
    const scheduler = await startScheduler(parts);
    stops.add("scheduler", () => scheduler.stop());
    // A folder with a ledger of its own belongs to this installation alone, and so may hold its key.
    if (given.databaseUrl === undefined && given.adminKey !== undefined)
      writeAdminKey(given.dataFolder, given.adminKey);
    let adminKey: string | null = null;
    const api = await startApi(parts, (made) => {
      adminKey = made;
    });
    stops.add("api", () => api.stop());
    writeLocalServer(config.dataFolder, {
      url: api.address,
      pid: process.pid,
      databaseUrl: given.databaseUrl === undefined ? config.databaseUrl : undefined,
      redisUrl: given.redisUrl === undefined ? config.redisUrl : undefined,
      settings: localSettings(parts.config),
    });
    stops.add("server.json", async () => removeLocalServer(config.dataFolder));
    return { address: api.address, parts, adminKey, stop: () => stops.run() };
  } catch (error) {
    await stops.run();
    throw error;
  }
};
