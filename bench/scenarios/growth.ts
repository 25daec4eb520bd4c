import { makeReconcile } from "../../src/flow/reconcile.ts";
import { makeSweep } from "../../src/flow/sweep.ts";
import { makeTendPartners } from "../../src/flow/tend-partners.ts";
import { makeWatchOverdue } from "../../src/flow/watch-overdue.ts";
import { sendThroughLedger } from "../ledger-way.ts";
import { type ByWork, makeMeter, type Measured } from "../meter.ts";
import { addOldDeliveries } from "../old-deliveries.ts";
import { populate } from "../populate.ts";
import { medians, type Result, type Scenario } from "../result.ts";
import { openStage, type Stage } from "../stage.ts";

/** Deliveries that are sent in each round; the ledger holds old ones beside them. */
const FRESH = 1_000;
/** `BENCH_OLD=1000000` ends there, on a machine that takes too long to fill a ledger with ten million. */
const MOST = Number(process.env["BENCH_OLD"] ?? 10_000_000);
/** After the rounds that warm up, statements are prepared, planned and cached. */
const SIZES = {
  full: {
    ledgers: [1_000, 10_000, 100_000, 1_000_000, 10_000_000].filter((size) => size <= MOST),
    rounds: 15,
    warmUp: 3,
  },
  quick: { ledgers: [1_000, 10_000], rounds: 2, warmUp: 1 },
};

/** The scheduler's timers, with nothing to be done. */
const makeTicks = ({ parts }: Stage): Record<string, () => Promise<unknown>> => {
  const nobody = () => Promise.reject(new Error("there is nothing to tell"));
  const reconcile = makeReconcile(parts);
  return {
    sweep: makeSweep(parts),
    tend: makeTendPartners({ ...parts, tellProvider: nobody, publicUrl: parts.config.publicUrl }),
    overdue: makeWatchOverdue(parts),
    reconcile: () => reconcile.run("timer"),
  };
};

/** Takes away what a round has left, so that the next one finds as many old deliveries. */
const forget = async ({ sql, parts }: Stage): Promise<void> => {
  await sql.query("DELETE FROM deliveries WHERE notice IN (SELECT no FROM notices WHERE change IS NOT NULL)");
  await sql.query("DELETE FROM chunks WHERE id > 0");
  await sql.query("UPDATE notices SET status = 'done' WHERE status IN ('planned', 'sending')");
  await sql.query("VACUUM deliveries, chunks, notices");
  await parts.redis.flushall();
};

const total = (figures: ByWork): number => (figures["load"] ?? 0) + (figures["settle"] ?? 0);

/** What a delivery costs the ledger as the ledger grows. */
export const growth: Scenario = {
  name: "growth",
  run: async (size) => {
    const { ledgers, rounds, warmUp } = SIZES[size];
    const stage = await openStage();
    try {
      const addressOf = (no: number): string => `http://127.0.0.1:1/p${no}`;
      await populate(stage, { service: "api", count: FRESH, channel: "webhook", addressOf });
      const ticks = makeTicks(stage);
      let held = FRESH;
      const measureAt = async (ledger: number) => {
        const fillAt = performance.now();
        await addOldDeliveries(stage, { count: ledger - held, endpoints: FRESH });
        held = ledger;
        await stage.sql.query("VACUUM ANALYZE deliveries, chunks, notices");
        await stage.sql.query("CHECKPOINT");
        const fillS = (performance.now() - fillAt) / 1_000;
        const measured: Measured[] = [];
        for (let round = 0; round < warmUp + rounds; round += 1) {
          const one = await sendThroughLedger(stage, FRESH);
          if (round >= warmUp) measured.push(one);
          await forget(stage);
        }
        const ticked: ByWork[] = [];
        for (let tick = 0; tick < rounds; tick += 1) {
          const { sums, measure } = makeMeter(stage);
          for (const [name, work] of Object.entries(ticks)) await measure(`${name} tick, µs`, work);
          ticked.push(sums.timeUs);
        }
        const each = (of: (one: Measured) => ByWork): ByWork =>
          Object.fromEntries(Object.entries(medians(measured.map(of))).map(([name, us]) => [name, us / FRESH]));
        return {
          ledger,
          fillS,
          timeUs: each((one) => one.timeUs),
          cpuUs: each((one) => one.cpuUs),
          ticked: medians(ticked),
        };
      };
      const all: Awaited<ReturnType<typeof measureAt>>[] = [];
      for (const ledger of ledgers) all.push(await measureAt(ledger));
      const [smallest] = all;
      if (!smallest) throw new Error("no ledger was measured");
      return all.map(
        ({ ledger, fillS, timeUs, cpuUs, ticked }): Result => ({
          scenario: `growth: load and settle ${FRESH} deliveries in a ledger of ${ledger.toLocaleString("en")}`,
          goal: ledger === smallest.ledger ? "the smallest" : "≥ 0.83 (within 1.2 × of the smallest)",
          yardstick: ledger === smallest.ledger ? null : `PostgreSQL's CPU at ${smallest.ledger}`,
          ratios: ledger === smallest.ledger ? [] : [total(smallest.cpuUs) / total(cpuUs)],
          cpuUs,
          figures: {
            "load + settle, µs each": total(timeUs),
            "the smallest's time to this one's": total(smallest.timeUs) / total(timeUs),
            "fan-out, µs each": timeUs["fan-out"] ?? 0,
            ...ticked,
            "seconds to fill": fillS,
          },
        }),
      );
    } finally {
      await stage.close();
    }
  },
};
