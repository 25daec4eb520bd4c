import { setTimeout as pause } from "node:timers/promises";
import { announce, awaitQuiet, awaitSent } from "../announce.ts";
import { startChild } from "../ask-child.ts";
import { populate } from "../populate.ts";
import { percentile, type Scenario } from "../result.ts";
import { openStage } from "../stage.ts";
import { wallMs } from "../wall-clock.ts";

const SIZES = {
  full: { backlog: 100_000, urgent: 1_000, runs: 20 },
  quick: { backlog: 2_000, urgent: 200, runs: 1 },
};
const DEADLINE_MS = 60_000;
const POLL_MS = 10;

/** From just before the event is accepted. */
type Run = { firstMs: number; allMs: number };

/** An emergency on an idle system, and the same beside a routine backlog that is being sent. */
export const emergency: Scenario = {
  name: "emergency",
  run: async (size) => {
    const { backlog, urgent, runs } = SIZES[size];
    const stage = await openStage();
    const [sink, busySink] = [startChild("sinks/http-sink.ts"), startChild("sinks/http-sink.ts")];
    try {
      const listen = { kind: "listen", addresses: ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"], fresh: false };
      const [[port], busyPorts] = (await Promise.all(
        [sink, busySink].map(async (one) => (await one.ask<{ ports: number[] }>(listen)).ports),
      )) as [number[], number[]];
      await populate(stage, {
        service: "payments",
        count: urgent,
        channel: "webhook",
        addressOf: (no) => `http://127.0.0.1:${port}/p${no}`,
      });
      await populate(stage, {
        service: "api",
        count: backlog,
        channel: "webhook",
        addressOf: (no) => `http://127.0.0.${(no % 4) + 1}:${busyPorts[no % 4]}/p${no}`,
      });
      await stage.start("workers/scheduler.ts");
      await stage.start("workers/webhook.ts");

      const once = async (): Promise<Run> => {
        await sink.ask({ kind: "count" });
        const begunAt = wallMs();
        const change = await announce(stage, "payments", "emergency");
        await awaitSent(stage, { change, deliveries: urgent, deadlineMs: DEADLINE_MS });
        const allMs = wallMs() - begunAt;
        const { requests, firstAt } = await sink.ask<{ requests: number; firstAt: number | null }>({ kind: "count" });
        if (requests !== urgent || firstAt === null)
          throw new Error(`the sink took ${requests} urgent requests instead of ${urgent}`);
        return { firstMs: firstAt - begunAt, allMs };
      };
      const routineLeft = async (): Promise<boolean> => {
        const { rows } = await stage.sql.query("SELECT FROM chunks WHERE lane = 'routine' AND state <> 'done' LIMIT 1");
        return rows.length > 0;
      };

      /** A routine fan-out makes way for half a second after an emergency; another one announced meanwhile would only lengthen the queue. */
      const untilRoutine = async (): Promise<void> => {
        const deadline = performance.now() + DEADLINE_MS;
        while (!(await routineLeft())) {
          if (performance.now() > deadline) throw new Error("a routine notice was not fanned out");
          await pause(POLL_MS);
        }
      };

      await once();
      await once();
      const idle: Run[] = [];
      for (let run = 0; run < runs; run += 1) idle.push(await once());
      const beside: Run[] = [];
      // Only what began and ended while routine deliveries were moving counts.
      for (let run = 0; beside.length < runs && run < runs * 5; run += 1) {
        if (!(await routineLeft())) {
          await announce(stage, "api");
          await untilRoutine();
        }
        const wasBusy = await routineLeft();
        const one = await once();
        if (wasBusy && (await routineLeft())) beside.push(one);
      }
      if (beside.length === 0) throw new Error("no emergency met a backlog");
      await awaitQuiet(stage, 120_000);
      const first = { idle: idle.map((run) => run.firstMs), beside: beside.map((run) => run.firstMs) };
      const all = { idle: idle.map((run) => run.allMs), beside: beside.map((run) => run.allMs) };
      return [
        {
          scenario: `emergency to ${urgent} endpoints beside ${backlog} routine deliveries: accept to first POST, p95`,
          goal: "≥ 0.50 (at most twice as long)",
          yardstick: "the same on an idle system",
          ratios: [percentile(first.idle, 0.95) / percentile(first.beside, 0.95)],
          cpuUs: {},
          figures: {
            "idle p50 ms": percentile(first.idle, 0.5),
            "idle p95 ms": percentile(first.idle, 0.95),
            "idle p99 ms": percentile(first.idle, 0.99),
            "beside p50 ms": percentile(first.beside, 0.5),
            "beside p95 ms": percentile(first.beside, 0.95),
          },
        },
        {
          scenario: `emergency to ${urgent} endpoints beside ${backlog} routine deliveries: the whole of it, p50`,
          goal: "≥ 0.67 (at most 1.5 times as long)",
          yardstick: "the same on an idle system",
          ratios: [percentile(all.idle, 0.5) / percentile(all.beside, 0.5)],
          cpuUs: {},
          figures: { "idle ms": percentile(all.idle, 0.5), "beside ms": percentile(all.beside, 0.5) },
        },
      ];
    } finally {
      await Promise.all([sink.stop(), busySink.stop()]);
      await stage.close();
    }
  },
};
