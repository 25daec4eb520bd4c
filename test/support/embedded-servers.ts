import assert from "node:assert/strict";
import type { Redis } from "ioredis";
import pg from "pg";
import { EmbeddedError } from "../../src/embedded/embedded-error.ts";
import { openRedis } from "../../src/queue/connection.ts";

/** The rows of one statement, over a connection of its own. */
export const ask = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
};

/** What `work` gives, over a connection of its own. */
export const withRedis = async <T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = openRedis(url, "worker");
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
};

/** Whether an error is one for people: a line that says what `pattern` does. */
export const isOneLine = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EmbeddedError, String(error));
  assert.match(error.message, pattern);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};
