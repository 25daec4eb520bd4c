import { setTimeout as pause } from "node:timers/promises";
import { Client } from "undici";
import { awaitSent, creation } from "../announce.ts";
import { startApi } from "../api.ts";
import { startChild } from "../ask-child.ts";
import { populate } from "../populate.ts";
import { percentile, type Result, type Scenario } from "../result.ts";
import { openStage } from "../stage.ts";
import { wallMs } from "../wall-clock.ts";

/**
 * Each a number of endpoints, and the emergencies to them that count. As many go before as V8 takes to compile their way: a
 * process that has run for a while has taken thousands of events.
 */
const SIZES: Record<"full" | "quick", readonly { endpoints: number; runs: number; warmUp: number }[]> = {
  full: [
    { endpoints: 1, runs: 1_000, warmUp: 1_000 },
    { endpoints: 1_000, runs: 100, warmUp: 10 },
  ],
  quick: [
    { endpoints: 1, runs: 4, warmUp: 1 },
    { endpoints: 1_000, runs: 1, warmUp: 1 },
  ],
};
const DEADLINE_MS = 30_000;
/** Between two runs, at random, so that they meet the scheduler's ticks as often as any event does. */
const APART_MS = 50;

/** An emergency on an idle system: from when its event is sent to the API to the first whole POST at a receiver. */
export const firstPost: Scenario = {
  name: "first-post",
  run: async (size) => {
    const stage = await openStage();
    const sink = startChild("sinks/http-sink.ts");
    try {
      const { ports } = await sink.ask<{ ports: number[] }>({
        kind: "listen",
        addresses: ["127.0.0.1"],
        fresh: false,
      });
      const api = await startApi(stage);
      const client = new Client(api.origin);
      await stage.start("workers/scheduler.ts");
      await stage.start("workers/webhook.ts");
      const headers = { "content-type": "application/cloudevents+json", authorization: `Bearer ${api.keys[0]}` };

      const once = async (service: string, endpoints: number) => {
        const event = creation(service, "emergency");
        const body = JSON.stringify(event);
        await sink.ask({ kind: "count" });
        const begunAt = wallMs();
        const answer = await client.request({ method: "POST", path: "/v1/events", headers, body });
        const acceptedAt = wallMs();
        if (answer.statusCode !== 202) throw new Error(`answered ${answer.statusCode}: ${await answer.body.text()}`);
        await answer.body.dump();
        const { firstAt } = await sink.ask<{ firstAt: number }>({ kind: "first" });
        await awaitSent(stage, { change: event.data.change, deliveries: endpoints, deadlineMs: DEADLINE_MS });
        await pause(Math.random() * APART_MS);
        return { acceptMs: acceptedAt - begunAt, firstMs: firstAt - begunAt };
      };

      const results: Result[] = [];
      for (const { endpoints, runs: count, warmUp } of SIZES[size]) {
        const service = `payments-${endpoints}`;
        await populate(stage, {
          service,
          count: endpoints,
          channel: "webhook",
          addressOf: (no) => `http://127.0.0.1:${ports[0]}/p${no}`,
        });
        for (let run = 0; run < warmUp; run += 1) await once(service, endpoints);
        const runs: { acceptMs: number; firstMs: number }[] = [];
        for (let run = 0; run < count; run += 1) runs.push(await once(service, endpoints));
        const accepting = runs.map(({ acceptMs }) => acceptMs);
        const first = runs.map(({ firstMs }) => firstMs);
        results.push({
          scenario: `emergency to ${endpoints} ${endpoints === 1 ? "endpoint" : "endpoints"}, idle: event sent to first POST`,
          goal: "p50 ≤ 15 ms, p99 ≤ 50 ms",
          yardstick: null,
          ratios: [],
          cpuUs: {},
          figures: {
            "p50 ms": percentile(first, 0.5),
            "p99 ms": percentile(first, 0.99),
            "most ms": Math.max(...first),
            "answered 202, p50 ms": percentile(accepting, 0.5),
          },
        });
      }
      await client.close();
      return results;
    } finally {
      await sink.stop();
      await stage.close();
    }
  },
};
