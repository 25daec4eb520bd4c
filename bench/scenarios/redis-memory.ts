import { setTimeout as pause } from "node:timers/promises";
import { announce } from "../announce.ts";
import { populate } from "../populate.ts";
import type { Scenario } from "../result.ts";
import { openStage } from "../stage.ts";

const SIZES = { full: { partners: 1_000_000, changes: 200 }, quick: { partners: 5_000, changes: 30 } };
/** So many that the queue's sorted set has left its compact form, which short ones have, before anything counts. */
const FIRST = 40;
const DEADLINE_MS = 60_000;

/** Bytes of Redis for each notice that waits for its date, with one and with many partners to be told. */
export const redisMemory: Scenario = {
  name: "redis-memory",
  run: async (size) => {
    const { partners, changes } = SIZES[size];
    const stage = await openStage();
    try {
      const { parts, sql } = stage;
      await stage.start("workers/scheduler.ts");
      /** What Redis says of each key of the queue; its total also holds buffers of connections, which come and go. */
      const used = async (): Promise<number> => {
        const all = new Set<string>();
        const match = `${parts.prefix}:notices-routine:*`;
        for await (const keys of parts.redis.scanStream({ match, count: 1_000 }) as AsyncIterable<string[]>)
          for (const key of keys) all.add(key);
        let bytes = 0;
        for (const key of all) bytes += (await parts.redis.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
        return bytes;
      };
      const waiting = (): Promise<number> => parts.queues.get("notices-routine").getDelayedCount();

      /** Announces changes and waits until each one's reminders wait on the queue. */
      const plan = async (service: string, count: number): Promise<void> => {
        for (let change = 0; change < count; change += 1) await announce(stage, service);
        const deadline = performance.now() + DEADLINE_MS;
        for (;;) {
          const { rows } = await sql.query<{ open: boolean; reminders: number }>(
            `SELECT EXISTS (SELECT FROM revisions WHERE planned_at IS NULL) AS open,
                    (SELECT count(*) FROM notices WHERE status = 'planned' AND kind = 'reminder') AS reminders`,
          );
          const [row] = rows;
          if (row && !row.open && row.reminders > 0 && (await waiting()) === row.reminders) return;
          if (performance.now() > deadline) throw new Error("the reminders were not queued");
          await pause(20);
        }
      };
      const bytesPerNotice = async (service: string, count: number): Promise<number> => {
        await populate(stage, { service, count, channel: "webhook", addressOf: (no) => `http://127.0.0.1:1/p${no}` });
        // Nobody is there to be told now: only what waits for later counts.
        await sql.query("UPDATE endpoints SET status = 'disabled'");
        await plan(service, FIRST);
        const [before, waitingBefore] = [await used(), await waiting()];
        await plan(service, changes);
        return ((await used()) - before) / ((await waiting()) - waitingBefore);
      };

      const few = await bytesPerNotice("one", 1);
      const many = await bytesPerNotice("many", partners);
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
    } finally {
      await stage.close();
    }
  },
};
