import { readFile } from "node:fs/promises";
import { Registry } from "prom-client";
import { systemClock } from "../clock.ts";
import { type Config, ConfigError } from "../config.ts";
import { DEFAULT_POLICY, type Policy, readPolicy } from "../domain/policy.ts";
import type { Fault } from "../domain/fault.ts";
import { wordsOf } from "../errors.ts";
import { makeKeyring } from "../keyring.ts";
import { askLedger, type Ledger, openLedger } from "../ledger/connection.ts";
import { migrateLedger } from "../ledger/migrate.ts";
import { zoneFaults } from "../ledger/zones.ts";
import type { Log } from "../log.ts";
import { makeOutages } from "../outages.ts";
import { openRedis, watchRedis } from "../queue/connection.ts";
import { openQueues, PREFIX } from "../queue/queues.ts";
import { settlePort } from "./free-port.ts";
import { warnOfSettings } from "../queue/settings.ts";
import { checkTemplates } from "./own-templates.ts";
import type { Parts } from "./parts.ts";

const policyError = (file: string | undefined, faults: readonly Fault[]): ConfigError =>
  new ConfigError(
    faults.map((fault) => ({
      path: `FOREWARN_POLICY${file === undefined ? "" : ` ${file}`}${fault.path ? `: ${fault.path}` : ""}`,
      message: fault.message,
    })),
  );

/** The policy in force: the file's, over the defaults. Throws ConfigError with every fault of the file. */
export const loadPolicy = async (file: string | undefined): Promise<Policy> => {
  if (file === undefined) return DEFAULT_POLICY;
  const fail = (faults: readonly Fault[]): never => {
    throw policyError(file, faults);
  };
  const failFor = (fault: string, error: unknown) => fail([{ path: "", message: `${fault}: ${wordsOf(error)}` }]);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    return failFor("cannot be read; name a JSON file that this user may read", error);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return failFor("is not JSON; correct it where it says", error);
  }
  const read = readPolicy(json);
  return "faults" in read ? fail(read.faults) : read.policy;
};

/** Throws ConfigError when the ledger cannot reckon in the policy's zone. */
const checkZone = async (ledger: Ledger, policy: Policy, file: string | undefined): Promise<void> => {
  const faults = await zoneFaults(ledger.pools.routine, policy.timeZone);
  if (faults.length === 0) return;
  await ledger.close();
  throw policyError(file, faults);
};

/** A worker by itself shares its servers with others: it can't start any of its own. */
const need = (value: string | undefined, name: string, example: string): string => {
  if (value !== undefined) return value;
  throw new ConfigError([
    {
      path: name,
      message: `is missing; a process by itself needs it (npm start brings servers of its own); example: ${example}`,
    },
  ]);
};

/**
 * Connects to the ledger and the queue named by the configuration, and brings the schema up to date.
 *
 * Redis may be away: producers then fail at once and workers wait. PostgreSQL must answer.
 */
export const connect = async (given: Config, log: Log, prefix = PREFIX): Promise<Parts> => {
  const config = await settlePort(given);
  const databaseUrl = need(config.databaseUrl, "DATABASE_URL", "postgres://user:password@db.internal:5432/forewarn");
  const redisUrl = need(config.redisUrl, "REDIS_URL", "redis://redis.internal:6379");
  const secret = need(config.secret, "FOREWARN_SECRET", "a line of `openssl rand -base64 48`");
  const policy = await loadPolicy(config.policyFile);
  checkTemplates(config.templatesFolder);
  await migrateLedger(databaseUrl);
  const ledger = openLedger(databaseUrl, log);
  await checkZone(ledger, policy, config.policyFile);
  const redis = openRedis(redisUrl, "producer");
  const outages = makeOutages({ log, ask: { ledger: () => askLedger(ledger), queue: () => redis.ping() } });
  for (const pool of Object.values(ledger.pools)) pool.on("error", () => outages.suspect("ledger"));
  watchRedis(redis, { outages, log });
  warnOfSettings(redis, log);
  const queues = openQueues(redis, log, prefix);
  return {
    config,
    policy,
    log,
    clock: systemClock,
    ledger,
    databaseUrl,
    redisUrl,
    prefix,
    redis,
    queues,
    outages,
    keyring: makeKeyring(secret),
    registry: new Registry(),
    close: async () => {
      outages.close();
      await queues.close();
      redis.disconnect();
      await ledger.close();
    },
  };
};
