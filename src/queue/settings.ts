import type { Redis } from "ioredis";
import type { Fault } from "../domain/fault.ts";
import type { Log } from "../log.ts";

/** What Redis does with our keys when memory or power runs out; null: it would not say. */
export type RedisSettings = { eviction: string | null; appendOnly: boolean | null; snapshots: boolean | null };

/** Each setting that loses jobs, and the command that mends it; what Redis would not say is no fault. */
const RULES: readonly { path: string; broken: (settings: RedisSettings) => boolean; says: string }[] = [
  {
    path: "maxmemory-policy",
    broken: ({ eviction }) => eviction !== null && eviction !== "noeviction",
    says: "may throw jobs away when memory is short; run: redis-cli CONFIG SET maxmemory-policy noeviction",
  },
  {
    path: "appendonly",
    broken: ({ appendOnly, snapshots }) => appendOnly === false && snapshots === false,
    says: "keeps nothing over a restart; run: redis-cli CONFIG SET appendonly yes",
  },
];

export const settingFaults = (settings: RedisSettings): Fault[] =>
  RULES.filter((rule) => rule.broken(settings)).map(({ path, says }) => ({ path, message: says }));

const infoField = (info: string | null, name: string): string | null =>
  info === null ? null : (new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? null);

/** Asks by INFO, which managed servers answer too; whether snapshots are taken only CONFIG knows, which they may refuse. */
export const readSettings = async (redis: Redis): Promise<RedisSettings> => {
  const unknown = (): null => null;
  const [memory, persistence, save] = await Promise.all([
    redis.info("memory").catch(unknown),
    redis.info("persistence").catch(unknown),
    redis.config("GET", "save").catch(unknown),
  ]);
  const appendOnly = infoField(persistence, "aof_enabled");
  const snapshots = save?.[1];
  return {
    eviction: infoField(memory, "maxmemory_policy"),
    appendOnly: appendOnly === null ? null : appendOnly === "1",
    snapshots: snapshots === undefined ? null : snapshots !== "",
  };
};

/** Warns once, when the connection is first ready, of settings that lose jobs. They are no reason not to start. */
export const warnOfSettings = (redis: Redis, log: Log): void => {
  const look = async (): Promise<void> => {
    const faults = settingFaults(await readSettings(redis));
    if (faults.length === 0) return;
    const settings = Object.fromEntries(faults.map(({ path, message }) => [path, message]));
    log.warn({ settings }, "Redis is set up so that jobs can be lost; the ledger brings them back, later");
  };
  redis.once("ready", () => void look().catch((error: unknown) => log.debug({ err: error }, "Redis was not asked")));
};
