import type { Redis } from "ioredis";

const PAGE = 1_000;

/** In a MATCH pattern these stand for more than themselves. */
const literally = (text: string): string => text.replace(/[\\*?[\]]/g, String.raw`\$&`);

/**
 * Removes every key that starts with `<prefix>:`, except those that start with one of `keep`: by SCAN and UNLINK, so
 * that a Redis shared with others loses nothing of theirs and stands still for nobody. Answers how many keys went.
 */
export const flushPrefix = async (redis: Redis, prefix: string, keep: readonly string[]): Promise<number> => {
  let removed = 0;
  const pages = redis.scanStream({ match: `${literally(prefix)}:*`, count: PAGE }) as AsyncIterable<string[]>;
  for await (const page of pages) {
    const keys = page.filter((key) => !keep.some((start) => key.startsWith(start)));
    if (keys.length > 0) removed += await redis.unlink(...keys);
  }
  return removed;
};
