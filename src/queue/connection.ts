import { Redis, type RedisOptions } from "ioredis";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";

/** A command that a standing Redis leaves without an answer fails after this. It may be carried out later: ids are derived. */
const ANSWER_MS = 5_000;

/**
 * A connection to a Redis URL: `redis://`, `rediss://`, or `unix:///path/to.sock`.
 *
 * `role` decides what an outage does. A `producer` fails within one retry or five seconds, so that a request never hangs on
 * a Redis that is dead or stands still; a `worker` waits for as long as it takes (BullMQ demands
 * `maxRetriesPerRequest: null` there).
 */
export const openRedis = (url: string, role: "producer" | "worker"): Redis => {
  const options: RedisOptions & { replyMapping: "legacy" } = {
    replyMapping: "legacy",
    ...(role === "producer"
      ? { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: ANSWER_MS }
      : { maxRetriesPerRequest: null }),
    retryStrategy: (tries: number) => Math.min(50 * 2 ** Math.min(tries, 6), 2_000),
  };
  return url.startsWith("unix:")
    ? new Redis({ ...options, path: decodeURIComponent(new URL(url).pathname) })
    : new Redis(url, options);
};

/** Has Redis asked for when the connection breaks: one that is made again at once is nothing to tell of. */
export const watchRedis = (redis: Redis, { outages, log }: { outages: Outages; log: Log }): void => {
  redis.on("error", (error: Error) => log.debug({ err: error }, "queue connection fault"));
  redis.on("reconnecting", () => outages.suspect("queue"));
};
