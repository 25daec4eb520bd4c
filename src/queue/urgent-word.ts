import type { Redis } from "ioredis";
import type { Log } from "../log.ts";
import { openRedis } from "./connection.ts";

/** Redis pub/sub: kept nowhere, heard by whoever listens. */
const channelOf = (prefix: string): string => `${prefix}:urgent`;

/**
 * Tells every sender that urgent deliveries are about to be made, so that the machine is theirs when they come. Nothing rests
 * on it: who does not hear it begins them a little later.
 */
export const tellUrgent = (redis: Redis, prefix: string): void => {
  redis.publish(channelOf(prefix), "").catch(() => undefined);
};

/** Calls `heard` at each word, over a connection of its own, until stopped. */
export const hearUrgent = (
  { redisUrl, prefix, log }: { redisUrl: string; prefix: string; log: Log },
  heard: () => void,
): { stop(): Promise<void> } => {
  const connection = openRedis(redisUrl, "worker");
  connection.on("error", (error: Error) => log.debug({ err: error }, "urgent word's connection fault"));
  connection.on("message", heard);
  // Subscribed again by ioredis whenever the connection is made anew.
  connection.subscribe(channelOf(prefix)).catch((error: unknown) => {
    log.debug({ err: error }, "urgent words are not heard");
  });
  return {
    // Not by QUIT, which would wait for a Redis that is away; nothing is under way.
    stop: () => {
      connection.disconnect();
      return Promise.resolve();
    },
  };
};
