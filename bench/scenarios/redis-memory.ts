import { setTimeout as pause } from "node:timers/promises";
import { announce } from "../announce.ts";
import { populate } from "../populate.ts";
import type { Scenario } from "../result.ts";
import { openStage } from "../stage.ts";

/** Each announcement goes through all partners, though it tells none. */
const SIZES = { full: { partners: 1_000_000, changes: 20 }, quick: { partners: 1_000, changes: 20 } };
const DEADLINE_MS = 180_000;

/** What the queue of notices takes for each that waits for its date, by what Redis says of every one of its keys. */
const bytesPerNotice = async (partners: number, changes: number): Promise<number> => {
  // A stage each: what Redis allots grows by steps, so both must be counted from nothing to the same length.
  const stage = await openStage();
  try {
    const { parts, sql } = stage;
    const queue = parts.queues.get("notices-routine");
    const addressOf = (no: number): string => `http://127.0.0.1:1/p${no}`;
    await populate(stage, { service: "api", count: partners, channel: "webhook", addressOf });
    // Nobody is there to be told now: only what waits for later counts.
    await sql.query("UPDATE endpoints SET status = 'disabled'");
    await stage.start("workers/scheduler.ts");
    const allKeys = async (): Promise<string[]> => {
      const found = new Set<string>();
      const match = `${parts.prefix}:notices-routine:*`;
      // BullMQ's own stream of events is bounded, and as long as it happens to be.
      for await (const keys of parts.redis.scanStream({ match, count: 1_000 }) as AsyncIterable<string[]>)
        for (const key of keys) if (!key.endsWith(":events")) found.add(key);
      return [...found];
    };
    for (let change = 0; change < changes; change += 1) await announce(stage, "api");
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      const { rows } = await sql.query<{ open: boolean; reminders: number }>(
        `SELECT EXISTS (SELECT FROM revisions WHERE planned_at IS NULL)
                  OR EXISTS (SELECT FROM notices WHERE kind = 'announcement' AND status <> 'done') AS open,
                (SELECT count(*) FROM notices WHERE status = 'planned' AND kind = 'reminder') AS reminders`,
      );
      const [row] = rows;
      if (row && !row.open && row.reminders > 0 && (await queue.getDelayedCount()) === row.reminders) {
        let bytes = 0;
        for (const key of await allKeys()) bytes += (await parts.redis.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
        return bytes / row.reminders;
      }
      if (performance.now() > deadline) throw new Error("the reminders were not queued");
      await pause(20);
    }
  } finally {
    await stage.close();
  }
};

/** Redis for each notice that waits, with one and with many partners to be told. */
export const redisMemory: Scenario = {
  name: "redis-memory",
  run: async (size) => {
    const { partners, changes } = SIZES[size];
    const few = await bytesPerNotice(1, changes);
    const many = await bytesPerNotice(partners, changes);
    return [
      {
        scenario: `Redis: bytes per planned notice at ${partners} partners`,
        goal: "the same",
        yardstick: "the same at 1 partner",
        ratios: [few / many],
        cpuUs: {},
        figures: { "bytes at 1": few, [`bytes at ${partners}`]: many },
      },
    ];
  },
};
