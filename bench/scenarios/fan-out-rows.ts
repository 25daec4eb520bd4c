import { fanOutWindow, lockNotice } from "../../src/ledger/fan-out.ts";
import { inTransaction } from "../../src/ledger/connection.ts";
import { makeFanOutNotice, WINDOW } from "../../src/flow/fan-out-notice.ts";
import { makePlanNotices } from "../../src/flow/plan-notices.ts";
import { announce } from "../announce.ts";
import { populate } from "../populate.ts";
import { median, type Scenario } from "../result.ts";
import { openStage } from "../stage.ts";

const SIZES = { full: { endpoints: 1_000_000, rounds: 3 }, quick: { endpoints: 10_000, rounds: 1 } };

/** Rows of a fan-out, window by window and each one's chunks queued, against the statement of the windows alone. */
export const fanOutRows: Scenario = {
  name: "fan-out",
  run: async (size) => {
    const { endpoints, rounds } = SIZES[size];
    const stage = await openStage();
    try {
      const { parts, sql } = stage;
      await populate(stage, {
        service: "api",
        count: endpoints,
        channel: "webhook",
        addressOf: (no) => `http://127.0.0.1:1/p${no}`,
      });
      const fanOutNotice = makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve() });
      // What is due at once is left to the clock below.
      const plan = makePlanNotices({ ...parts, fanOutNotice: async () => ({ kind: "done" }) });
      const prepare = async (): Promise<string> => {
        await parts.redis.flushall();
        const change = await announce(stage, "api");
        await plan({ change, revision: 1 });
        const { rows } = await sql.query<{ id: string }>(
          "SELECT id FROM notices WHERE change = $1 AND kind = 'announcement'",
          [change],
        );
        return rows[0]?.id ?? "";
      };
      const check = async (notice: string): Promise<void> => {
        const { rows } = await sql.query<{ count: number }>(
          "SELECT count(*) AS count FROM deliveries JOIN notices ON no = notice WHERE id = $1",
          [notice],
        );
        if (rows[0]?.count !== endpoints) throw new Error(`${rows[0]?.count} rows instead of ${endpoints}`);
        await sql.query("TRUNCATE deliveries, chunks");
      };
      const ours = async (): Promise<number> => {
        const notice = await prepare();
        const begunAt = performance.now();
        let ended = await fanOutNotice({ notice });
        // No sender takes anything, so it pauses where the queue is full: room is made without waiting.
        while (ended.kind === "later") {
          await parts.redis.flushall();
          ended = await fanOutNotice({ notice });
        }
        const ms = performance.now() - begunAt;
        await check(notice);
        return ms;
      };
      const yardstick = async (): Promise<number> => {
        const id = await prepare();
        const begunAt = performance.now();
        for (let covered = WINDOW; covered === WINDOW; )
          covered = await inTransaction(sql, async (client) => {
            const notice = await lockNotice(client, id);
            if (!notice) throw new Error("the notice is gone");
            return (await fanOutWindow(client, notice, WINDOW)).covered;
          });
        const ms = performance.now() - begunAt;
        await check(id);
        return ms;
      };

      await ours();
      const pairs: { ours: number; yardstick: number }[] = [];
      for (let round = 0; round < rounds; round += 1) pairs.push({ ours: await ours(), yardstick: await yardstick() });
      const oursMs = median(pairs.map((pair) => pair.ours));
      return [
        {
          scenario: `fan-out: rows for ${endpoints} endpoints in windows of ${WINDOW}, their chunks queued`,
          goal: "≥ 0.80",
          yardstick: "the windows' INSERT … SELECT alone",
          ratios: pairs.map((pair) => pair.yardstick / pair.ours),
          cpuUs: {},
          figures: { "rows per s": (endpoints / oursMs) * 1_000 },
        },
      ];
    } finally {
      await stage.close();
    }
  },
};
