import { Queue, type JobsOptions } from "bullmq";
import type { Redis } from "ioredis";
import type { Channel, Lane } from "../domain/category.ts";
import type { Log } from "../log.ts";
import { makeGather } from "./gather.ts";

/** Every key of ours in Redis starts with this. */
export const PREFIX = "forewarn";
/** Missing when Redis was flushed. */
export const epochKeyOf = (prefix: string): string => `${prefix}:epoch`;

/** Every queue by what travels on it. `events` is open to outside producers; the others carry ids only. */
export const QUEUE_NAMES = [
  "events",
  "plan-urgent",
  "plan-routine",
  "notices-urgent",
  "notices-routine",
  "email-urgent",
  "email-routine",
  "webhook-urgent",
  "webhook-routine",
] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

export const planQueue = (lane: Lane): QueueName => `plan-${lane}`;
export const noticeQueue = (lane: Lane): QueueName => `notices-${lane}`;
export const chunkQueue = (channel: Channel, lane: Lane): QueueName => `${channel}-${lane}`;

/** `due`: of an emergency's first notices, which are stored as it is accepted, those that were due at once. */
export type PlanJob = { change: string; revision: number; due?: string[] | undefined };
/** Changes that were created on the routine lane within a moment; their notices are stored. */
export type CreationsJob = { creations: string[] };
export type NoticeJob = { notice: string };
/** `notice`: the number of the only one it sends of, where that is known. */
export type ChunkJob = { chunk: number; run: number; notice?: number | undefined };

/** Job ids are derived, so that adding twice adds once. Only a job of creations has none: the second time nothing is left to do. */
export const planJobId = (job: PlanJob): string => `${job.change}.r${job.revision}`;
export const noticeJobId = (job: NoticeJob): string => job.notice;
export const chunkJobId = (job: ChunkJob): string => `${job.chunk}.${job.run}`;

/**
 * Jobs leave no trace when they end: an id left in the failed set would make a re-add a silent no-op, and the ledger,
 * not the queue, is the record. Infrastructure faults are delayed without using up an attempt, so one attempt is enough.
 */
export const JOB_OPTIONS: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };

/** A job as it is put on a queue. */
export type QueuedJob = { name: string; data: PlanJob | NoticeJob | ChunkJob; opts: JobsOptions & { jobId: string } };

/** A group is sent together this long after its first job; a routine notice may wait so long, an urgent one may not. */
const GATHER_MS = 25;
const MOST_GATHERED = 1_000;
/** Creations of one job: few enough that each has its share of one window. */
const MOST_CREATIONS = 100;

export type Queues = {
  /** Whether the connection stands right now. */
  areOpen(): boolean;
  get(name: QueueName): Queue;
  /**
   * Adds jobs, urgent ones at once, others together with those that come within 25 ms; resolves once Redis has them. A job that
   * is added by itself wakes Redis and the queue's worker for itself, each delayed one too: at 100 events a second that was a
   * third of what either did.
   */
  addSoon(name: QueueName, jobs: readonly QueuedJob[]): Promise<void>;
  /** Adds one job for all changes that are created on the routine lane within 25 ms; resolves once Redis has it. */
  addCreations(changes: readonly string[]): Promise<void>;
  all: readonly Queue[];
  /** Bounds BullMQ's own event streams again: it writes the bound when a queue is opened, and a flush takes it. */
  setBounds(): Promise<void>;
  close(): Promise<void>;
};

/** Producers' side of every queue over one shared connection; the caller closes the connection. */
export const openQueues = (connection: Redis, log: Log, prefix = PREFIX): Queues => {
  const queues = new Map(
    QUEUE_NAMES.map((name) => {
      const queue = new Queue(name, {
        connection,
        prefix,
        defaultJobOptions: JOB_OPTIONS,
        streams: { events: { maxLen: 100 } },
        // The workers check the version; here it would only print Redis's settings once a queue (see settings.ts).
        skipVersionCheck: true,
      });
      queue.on("error", (error) => log.debug({ err: error, queue: name }, "queue connection fault"));
      return [name, queue] as const;
    }),
  );
  const all = [...queues.values()];
  const get = (name: QueueName): Queue => {
    const queue = queues.get(name);
    if (!queue) throw new Error(`no queue is named ${name}`);
    return queue;
  };
  const gathers = new Map(
    [planQueue("routine"), noticeQueue("routine")].map((name) => {
      const send = (jobs: QueuedJob[]): Promise<unknown> => get(name).addBulk(jobs);
      return [name, makeGather({ forMs: GATHER_MS, most: MOST_GATHERED, send })] as const;
    }),
  );
  const creations = makeGather<string>({
    forMs: GATHER_MS,
    most: MOST_CREATIONS,
    send: (changes) => get(planQueue("routine")).add("creations", { creations: changes } satisfies CreationsJob),
  });
  return {
    areOpen: () => connection.status === "ready",
    get,
    addSoon: async (name, jobs) => {
      if (jobs.length > 0) await (gathers.get(name)?.add(jobs) ?? get(name).addBulk([...jobs]));
    },
    addCreations: (changes) => creations.add(changes),
    all,
    setBounds: async () => {
      await Promise.all(all.map((queue) => queue.getBackend().setQueueMeta(queue.metaValues)));
    },
    close: async () => {
      await Promise.all([creations, ...gathers.values()].map((gather) => gather.emptied()));
      await Promise.all(all.map((queue) => queue.close()));
    },
  };
};
