import { setTimeout as pause } from "node:timers/promises";
import { announce } from "../announce.ts";
import { populate } from "../populate.ts";
import type { Scenario } from "../result.ts";
import { openStage } from "../stage.ts";

const SIZES = { full: { partners: [1, 1_000_000], changes: 200 }, quick: { partners: [1, 5_000], changes: 30 } };

/** Bytes of Redis for each notice that waits for its date, with few and with many partners to be told. */
export const redisMemory: Scenario = {
  name: "redis-memory",
  run: async (size) => {
    const { partners, changes } = SIZES[size];
    const bytes: number[] = [];
    for (const count of partners) {
      const stage = await openStage();
      try {
        const { parts, sql } = stage;
        await populate(stage, {
          service: "api",
          count,
          channel: "webhook",
          addressOf: (no) => `http://127.0.0.1:1/p${no}`,
        });
        // Nobody is there to be told now: only what waits for later counts.
        await sql.query("UPDATE endpoints SET status = 'disabled'");
        await stage.start("workers/scheduler.ts");
        const used = async (): Promise<number> =>
          Number(/used_memory:(\d+)/.exec(await parts.redis.info("memory"))?.[1] ?? 0);
        const planned = async (): Promise<number> => {
          const { rows } = await sql.query<{ count: number }>(
            "SELECT count(*) AS count FROM notices WHERE status = 'planned' AND kind = 'reminder'",
          );
          return rows[0]?.count ?? 0;
        };
        const settle = async (expected: number): Promise<void> => {
          const deadline = performance.now() + 60_000;
          while (
            (await planned()) < expected ||
            (await parts.queues.get("notices-routine").getDelayedCount()) < expected
          ) {
            if (performance.now() > deadline) throw new Error(`${expected} notices were not planned`);
            await pause(20);
          }
        };
        await announce(stage, "api");
        await settle(1);
        const each = await planned();
        const before = await used();
        for (let change = 0; change < changes; change += 1) await announce(stage, "api");
        await settle(each * (changes + 1));
        bytes.push(((await used()) - before) / (each * changes));
      } finally {
        await stage.close();
      }
    }
    const [few = Number.NaN, many = Number.NaN] = bytes;
    return [
      {
        scenario: `Redis: bytes per planned notice at ${partners[1]} partners`,
        goal: "the same as at 1 partner",
        yardstick: "the same at 1 partner",
        ratios: [few / many],
        cpuUs: {},
        figures: { "bytes at 1": few, [`bytes at ${partners[1]}`]: many },
      },
    ];
  },
};
