import type { Redis } from "ioredis";
import type { Log } from "../log.ts";
import { flushPrefix } from "../queue/flush.ts";
import { epochKeyOf, noticeQueue, planQueue, chunkQueue, type QueueName, type Queues } from "../queue/queues.ts";
import { needQueue } from "./need-queue.ts";
import type { Reconcile } from "./reconcile.ts";
import type { Reconciled } from "./reconcile-metrics.ts";

/** Jobs on the queue that somebody still has to take, by kind. */
export type Held = Reconciled;

/** What a drill did. A chunk that is being sent needs no job, so it is neither in `before` nor in `back`. */
export type Drilled = {
  flushed: { keys: number; ms: number };
  before: Held;
  back: Reconciled;
  /** Events on the queue that the ledger does not have yet; they are left alone. */
  kept: { events: number };
  rebuiltMs: number;
};

/** Which queues hold the jobs of each kind. */
const QUEUES: Record<keyof Held, readonly QueueName[]> = {
  plans: [planQueue("urgent"), planQueue("routine")],
  notices: [noticeQueue("urgent"), noticeQueue("routine")],
  chunks: [
    chunkQueue("email", "urgent"),
    chunkQueue("email", "routine"),
    chunkQueue("webhook", "urgent"),
    chunkQueue("webhook", "routine"),
  ],
};

export type Drill = () => Promise<Drilled>;

/**
 * Throws the queue away and rebuilds it from the ledger, counting: the proof that Redis holds nothing that the ledger does
 * not. It is safe while workers run, for it is what they expect of a flush at any moment.
 *
 * Two things stay: the queue `events`, whose jobs were accepted by nobody yet, and the mark by which schedulers notice a
 * flush, because the rebuilding is done and counted here. Should this process be killed meanwhile, the mark's time runs out.
 */
export const makeDrill = ({
  reconcile,
  redis,
  queues,
  log,
  prefix,
}: {
  reconcile: Reconcile;
  redis: Redis;
  queues: Queues;
  log: Log;
  prefix: string;
}): Drill => {
  const waitingIn = async (names: readonly QueueName[]): Promise<number> => {
    const counts = await Promise.all(
      names.map((name) => queues.get(name).getJobCounts("wait", "delayed", "prioritized")),
    );
    return counts.flatMap((count) => Object.values(count)).reduce((sum, count) => sum + count, 0);
  };

  return async () => {
    needQueue(queues);
    const before: Held = {
      plans: await waitingIn(QUEUES.plans),
      notices: await waitingIn(QUEUES.notices),
      chunks: await waitingIn(QUEUES.chunks),
    };
    const begunAt = performance.now();
    await reconcile.markRebuilding();
    const keys = await flushPrefix(redis, prefix, [`${prefix}:events:`, epochKeyOf(prefix)]);
    const flushedAt = performance.now();
    const back = await reconcile.run("flush");
    const drilled: Drilled = {
      flushed: { keys, ms: Math.round(flushedAt - begunAt) },
      before,
      back,
      kept: { events: await waitingIn(["events"]) },
      rebuiltMs: Math.round(performance.now() - flushedAt),
    };
    log.warn(drilled, "drill: the queue was thrown away and rebuilt");
    return drilled;
  };
};
