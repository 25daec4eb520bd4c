import { Redis, type RedisOptions } from "ioredis";

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
