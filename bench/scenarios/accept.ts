import { setTimeout as pause } from "node:timers/promises";
import { LANES } from "../../src/domain/category.ts";
import { noticeQueue, planQueue } from "../../src/queue/queues.ts";
import { startApi } from "../api.ts";
import { startChild } from "../ask-child.ts";
import { countCpu } from "../cpu-shares.ts";
import { cpuUsOf } from "../cpu.ts";
import type { AllSent, PacedSent } from "../emitters/event-emitter.ts";
import { percentile, type Result, type Round, type Scenario, summary } from "../result.ts";
import { openStage, type Stage } from "../stage.ts";

const SIZES = {
  full: { ones: 3_000, many: 5_000, rounds: 5, warmUp: 1_000, pacedS: 60 },
  quick: { ones: 50, many: 100, rounds: 1, warmUp: 10, pacedS: 1 },
};
const BATCH = 100;
/** Requests open at once: more than the API has connections to the ledger for, so that it never waits for work. */
const CONNECTIONS = 16;
const PER_SECOND = 200;
/** Enough that no request waits for a connection of the emitter's. */
const PACED_CONNECTIONS = 128;
const CAUGHT_UP_MS = 30_000;
const POLL_MS = 100;

/** Waits until the scheduler has nothing left to do; throws when time runs out. */
const caughtUp = async ({ parts }: Pick<Stage, "parts">): Promise<void> => {
  const names = LANES.flatMap((lane) => [planQueue(lane), noticeQueue(lane)]);
  const deadline = performance.now() + CAUGHT_UP_MS;
  for (;;) {
    const counts = await Promise.all(names.map((name) => parts.queues.get(name).getJobCountByTypes("wait", "active")));
    if (Math.max(...counts) === 0) return;
    if (performance.now() > deadline) throw new Error("the scheduler has not caught up");
    await pause(POLL_MS);
  }
};

/** Events over HTTP: how many a second by one API process, and how long each takes at a steady rate. */
export const accept: Scenario = {
  name: "accept",
  run: async (size) => {
    const { ones, many, rounds: count, warmUp, pacedS } = SIZES[size];
    const stage = await openStage();
    const [emitter, bare] = [startChild("emitters/event-emitter.ts"), startChild("yardsticks/bare-accept.ts")];
    try {
      await stage.sql.query("INSERT INTO services (service, title) VALUES ('api', 'The API')");
      const api = await startApi(stage);
      const ours = { origin: api.origin, keys: api.keys };
      const theirs = { ...(await bare.ask<{ origin: string }>({ kind: "listen" })), keys: api.keys };
      const make = (events: number, batch: number) => emitter.ask({ kind: "make", service: "api", events, batch });
      const stored = async (): Promise<number> => {
        const { rows } = await stage.sql.query<{ count: number }>(
          "SELECT count(*) AS count FROM events WHERE status = 'accepted'",
        );
        return rows[0]?.count ?? 0;
      };

      const round = async (events: number, batch: number): Promise<Round> => {
        await make(events, batch);
        const before = await stored();
        const cpuOver = countCpu(stage, { api: [api.pid] });
        const us = await emitter.ask<AllSent>({ kind: "all", ...ours, connections: CONNECTIONS });
        const cpuUs = cpuOver(events);
        const accepted = (await stored()) - before;
        if (accepted !== events) throw new Error(`${accepted} events were stored instead of ${events}`);
        const bareUs = cpuUsOf(bare.pid);
        const them = await emitter.ask<AllSent>({ kind: "all", ...theirs, connections: CONNECTIONS });
        return {
          ratio: them.ms / us.ms,
          cpuUs: { ...cpuUs, yardstick: (cpuUsOf(bare.pid) - bareUs) / events },
          figures: {
            "events per s": (events / us.ms) * 1_000,
            "yardstick per s": (events / them.ms) * 1_000,
          },
        };
      };
      const inBatches = async (events: number, batch: number): Promise<Result> => {
        const rounds: Round[] = [];
        for (let no = 0; no < count; no += 1) rounds.push(await round(events, batch));
        return {
          scenario: `events over HTTP, ${batch} a request, ${CONNECTIONS} requests at once`,
          goal: "report",
          yardstick: "fastify with the same checks, nothing stored",
          ...summary(rounds),
        };
      };
      const paced = async (to: { origin: string; keys: string[] }, seconds: number): Promise<number[]> => {
        await make(seconds * PER_SECOND, 1);
        const question = { kind: "paced", everyMs: 1_000 / PER_SECOND, ...to, connections: PACED_CONNECTIONS };
        return (await emitter.ask<PacedSent>(question)).latenciesMs;
      };

      await round(warmUp, 1);
      // What is accepted is planned meanwhile, as it is in production, and what came before the scheduler is no part of it.
      const scheduler = await stage.start("workers/scheduler.ts");
      await caughtUp(stage);
      await paced(ours, pacedS / 2);
      const cpuOver = countCpu(stage, { api: [api.pid], scheduler: [scheduler.pid] });
      const latencies = await paced(ours, pacedS);
      const cpuUs = cpuOver(latencies.length);
      const bareLatencies = await paced(theirs, Math.min(pacedS, 10));
      await scheduler.stop();
      return [
        await inBatches(ones, 1),
        await inBatches(many, BATCH),
        {
          scenario: `events over HTTP, one a request, ${PER_SECOND} a second at fixed times, planned meanwhile`,
          goal: "p99 ≤ 25 ms",
          yardstick: null,
          ratios: [],
          cpuUs,
          figures: {
            "p50 ms": percentile(latencies, 0.5),
            "p99 ms": percentile(latencies, 0.99),
            "most ms": Math.max(...latencies),
            "bare p50 ms": percentile(bareLatencies, 0.5),
            "bare p99 ms": percentile(bareLatencies, 0.99),
          },
        },
      ];
    } finally {
      await Promise.all([emitter.stop(), bare.stop()]);
      await stage.close();
    }
  },
};
