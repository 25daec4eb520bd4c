import { setTimeout as wait } from "node:timers/promises";
import { DelayedError, type Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import { makeStreak } from "../streak.ts";
import { openRedis } from "./connection.ts";
import { PREFIX, type QueueName } from "./queues.ts";

/** A killed worker's jobs run again after this; locks are renewed at half of it. */
const LOCK_MS = 15_000;
const STALLED_CHECK_MS = 5_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** A Redis that takes longer to answer, once the worker is to stop, is away. */
const ANSWER_MS = 2_000;

/** `later`: the job waits that long and comes again, without using up an attempt. */
export type JobEnd = { kind: "done" } | { kind: "later"; delayMs: number };

type Options = {
  redisUrl: string;
  queue: QueueName;
  prefix?: string | undefined;
  /** Jobs at once. */
  concurrency: number;
  /** `signal` aborts when the worker is asked to stop. A throw is a fault of ours or of the infrastructure. */
  run: (data: unknown, signal: AbortSignal) => Promise<JobEnd>;
  outages: Outages;
  log: Log;
};

/**
 * `stop` sees through what runs here and gives back what has not begun. A Redis that is away is not waited for: what it does
 * not hear to have ended comes again.
 */
export type QueueWorker = { stop(): Promise<void> };

const isThere = async (connection: Redis): Promise<boolean> => {
  const late = new AbortController();
  try {
    const answered = connection.ping().then(() => true);
    return await Promise.race([answered, wait(ANSWER_MS, false, { signal: late.signal })]);
  } catch {
    return false;
  } finally {
    late.abort();
  }
};

/**
 * Works on one queue until stopped. No job is ever lost to a fault: whatever is thrown, the job is delayed, longer each
 * time, and comes again (`moveToDelayed` uses up no attempt, and a stalled job may stall without limit).
 */
export const openWorker = ({
  redisUrl,
  queue,
  prefix = PREFIX,
  concurrency,
  run,
  outages,
  log,
}: Options): QueueWorker => {
  const connection = openRedis(redisUrl, "worker");
  connection.on("error", (error) => log.debug({ err: error, queue }, "queue connection fault"));
  const stopping = new AbortController();
  const streak = makeStreak();
  const runs = new Set<Promise<JobEnd>>();

  const runNow = async (data: unknown): Promise<JobEnd> => {
    const running = run(data, stopping.signal);
    runs.add(running);
    try {
      return await running;
    } finally {
      runs.delete(running);
    }
  };

  const later = async (job: Job, token: string | undefined, delayMs: number): Promise<never> => {
    await job.moveToDelayed(Date.now() + delayMs, token);
    throw new DelayedError();
  };

  const work = async (job: Job, token?: string): Promise<void> => {
    // Came of a wait that had begun before.
    if (stopping.signal.aborted) return later(job, token, 0);
    let end: JobEnd;
    try {
      end = await runNow(job.data);
      streak.worked();
    } catch (error) {
      const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(job.attemptsStarted, 5), LONGEST_DELAY_MS);
      // An outage or a bug meets every job of the queue: one line tells of it.
      const level = !outages.explain(error, `jobs of ${queue}`) && streak.failed(error) ? "error" : "debug";
      log[level]({ err: error, queue, job: job.id, delayMs }, "a job failed and will come again");
      return later(job, token, delayMs);
    }
    return end.kind === "later" ? later(job, token, end.delayMs) : undefined;
  };

  const worker = new Worker(queue, work, {
    connection,
    prefix,
    concurrency,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: 1_000_000,
  });
  worker.on("error", (error) => log.debug({ err: error, queue }, "worker fault"));

  return {
    stop: async () => {
      stopping.abort();
      await worker.pause(true);
      await Promise.allSettled(runs);
      // BullMQ itself waits for Redis for as long as it takes, to tell of what ended and to close; unless it is forced.
      await worker.close(!(await isThere(connection)));
      connection.disconnect();
    },
  };
};
