import { Redis, type RedisOptions } from "ioredis";
import type { Log } from "../log.ts";

/**
 * A connection to a Redis URL: `redis://`, `rediss://`, or `unix:///path/to.sock`.
 *
 * `role` decides what an outage does. A `producer` fails within one retry, so that a request never hangs on a dead
 * Redis; a `worker` waits for as long as it takes (BullMQ demands `maxRetriesPerRequest: null` there).
 */
export const openRedis = (url: string, role: "producer" | "worker"): Redis => {
  const options: RedisOptions & { replyMapping: "legacy" } = {
    replyMapping: "legacy",
    ...(role === "producer" ? { maxRetriesPerRequest: 1, enableOfflineQueue: false } : { maxRetriesPerRequest: null }),
    retryStrategy: (tries: number) => Math.min(50 * 2 ** Math.min(tries, 6), 2_000),
  };
  return url.startsWith("unix:")
    ? new Redis({ ...options, path: decodeURIComponent(new URL(url).pathname) })
    : new Redis(url, options);
};

/** Says once when Redis is away, whatever number of tries follow, and once when it is back. */
export const watchRedis = (redis: Redis, log: Log): void => {
  let away = false;
  let fault: Error | undefined;
  redis.on("error", (error: Error) => {
    fault = error;
    log.debug({ err: error }, "queue connection fault");
  });
  redis.on("reconnecting", () => {
    if (!away) log.warn({ err: fault }, "Redis cannot be reached: what is accepted waits in the ledger");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log.info("Redis is back");
    away = false;
    fault = undefined;
  });
};
