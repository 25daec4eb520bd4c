import { setTimeout as pause } from "node:timers/promises";
import { announce, awaitSent } from "../announce.ts";
import { startChild } from "../ask-child.ts";
import { type MemoryFigures, watchMemory } from "../memory-watch.ts";
import { populate } from "../populate.ts";
import type { Result, Scenario } from "../result.ts";
import { openStage, type Stage } from "../stage.ts";

/** The first notice warms the sender up. */
const SIZES = {
  full: { endpoints: 100_000, notices: 10, fanOut: 1_000_000 },
  quick: { endpoints: 1_000, notices: 3, fanOut: 8_000 },
};
const ADDRESSES = Array.from({ length: 8 }, (_, no) => `127.0.0.${no + 1}`);
const DEADLINE_MS = 15 * 60_000;
const POLL_MS = 50;

const named = (of: string, { start, warm, highest, end }: MemoryFigures): Record<string, number> => ({
  [`${of} at first MB`]: start,
  [`${of} warm MB`]: warm,
  [`${of} highest MB`]: highest,
  [`${of} at the end MB`]: end,
});

/** Notice after notice to the same endpoints by one sender. */
const sendAll = async (
  stage: Stage,
  { endpoints, notices }: { endpoints: number; notices: number },
): Promise<Result> => {
  const sink = startChild("sinks/http-sink.ts");
  try {
    const { ports } = await sink.ask<{ ports: number[] }>({ kind: "listen", addresses: ADDRESSES, fresh: false });
    const origins = ADDRESSES.map((address, no) => `http://${address}:${ports[no]}`);
    const addressOf = (no: number): string => `${origins[no % origins.length]}/hooks/p${no}`;
    await populate(stage, { service: "api", count: endpoints, channel: "webhook", addressOf });
    const scheduler = await stage.start("workers/scheduler.ts");
    const sender = await stage.start("workers/webhook.ts");
    const watch = watchMemory(sender.pid);
    const begunAt = performance.now();
    for (let no = 0; no < notices; no += 1) {
      const change = await announce(stage, "api");
      await awaitSent(stage, { change, deliveries: endpoints, deadlineMs: DEADLINE_MS });
      if (no === 0) watch.markWarm();
    }
    const seconds = (performance.now() - begunAt) / 1_000;
    const figures = watch.stop();
    const deliveries = endpoints * notices;
    const { requests } = await sink.ask<{ requests: number }>({ kind: "count" });
    if (requests !== deliveries) throw new Error(`the sink took ${requests} requests instead of ${deliveries}`);
    await sender.stop();
    await scheduler.stop();
    return {
      scenario: `memory of one webhook sender through ${deliveries} deliveries`,
      goal: "flat (≥ 0.90), highest ≤ 250 MB",
      yardstick: "itself once warm",
      ratios: [figures.warm / figures.end],
      cpuUs: {},
      figures: { ...named("sender", figures), "deliveries per s": deliveries / seconds },
    };
  } finally {
    await sink.stop();
  }
};

/** One fan-out that no sender takes anything from, so that all that waits lies in Redis: no queue is ever longer. */
const fanOut = async (stage: Stage, endpoints: number): Promise<Result> => {
  const { sql, parts } = stage;
  const used = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await parts.redis.info("memory"))?.[1]) / 2 ** 20;
  const addressOf = (no: number): string => `http://127.0.0.1:1/p${no}`;
  await populate(stage, { service: "wide", count: endpoints, channel: "webhook", addressOf });
  const scheduler = await stage.start("workers/scheduler.ts");
  const watch = watchMemory(scheduler.pid);
  const queue = parts.queues.get("webhook-routine");
  const before = await used();
  let [highest, chunks] = [before, 0];
  const begunAt = performance.now();
  const change = await announce(stage, "wide");
  for (;;) {
    const { rows } = await sql.query<{ done: boolean }>({
      name: "bench-is-fanned-out",
      text: "SELECT fanned_out_at IS NOT NULL AS done FROM notices WHERE change = $1 AND kind = 'announcement'",
      values: [change],
    });
    highest = Math.max(highest, await used());
    chunks = Math.max(chunks, await queue.getWaitingCount());
    if (rows[0]?.done) break;
    if (performance.now() - begunAt > DEADLINE_MS) throw new Error("the fan-out did not end in time");
    await pause(POLL_MS);
  }
  const seconds = (performance.now() - begunAt) / 1_000;
  const figures = watch.stop();
  return {
    scenario: `memory of the scheduler through a fan-out to ${endpoints} endpoints, and of Redis, without a sender`,
    goal: "scheduler's highest < 300 MB",
    yardstick: null,
    ratios: [],
    cpuUs: {},
    figures: {
      "scheduler at first MB": figures.start,
      "scheduler highest MB": figures.highest,
      "scheduler at the end MB": figures.end,
      "Redis before MB": before,
      "Redis highest MB": highest,
      "most chunks queued": chunks,
      "endpoints per s": endpoints / seconds,
    },
  };
};

/** What the processes hold while they send and fan out much. */
export const memory: Scenario = {
  name: "memory",
  run: async (size) => {
    const { fanOut: endpoints, ...sizes } = SIZES[size];
    const stage = await openStage();
    try {
      return [await sendAll(stage, sizes), await fanOut(stage, endpoints)];
    } finally {
      await stage.close();
    }
  },
};
