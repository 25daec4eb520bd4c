import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Pool } from "pg";
import type { Registry } from "prom-client";
import { unplannedRevisions } from "../ledger/changes.ts";
import { type LostChunk, queuedChunks } from "../ledger/chunks.ts";
import { inTransaction, type Ledger, type Sql } from "../ledger/connection.ts";
import { type OpenNotice, openNotices } from "../ledger/notices.ts";
import type { Log } from "../log.ts";
import {
  chunkJobId,
  chunkQueue,
  epochKeyOf,
  noticeJobId,
  noticeQueue,
  planJobId,
  planQueue,
  type Queues,
} from "../queue/queues.ts";
import { queueChunks } from "./queue-chunks.ts";
import { queueNotices } from "./queue-notices.ts";
import { makeReconcileMetrics, type Reconciled } from "./reconcile-metrics.ts";

/** Rows of a page, known to be missing or only looked over: the second beside everything else. */
const PAGE = { afterFlush: 1_000, looking: 250 };
/** After a page when nothing is known to be missing, so that whoever is waited for comes in between. */
const BREATH_MS = 10;
/** What was committed this recently is still on its way to the queue. */
const SETTLING_MS = 5_000;
/** Any constant: one process reconciles at a time; a paused one holds it for no longer than its transaction. */
const RECONCILE_LOCK = 7_305_112_044;

export type Reconcile = {
  /** The ledger against the queue: puts back what is missing. `afterFlush`: nothing is on its way, so look at everything. */
  run(afterFlush: boolean): Promise<Reconciled>;
  /** Whether Redis has lost its memory since the last look; sets the mark anew. */
  wasFlushed(): Promise<boolean>;
};

/** Rows of the ledger that each have a job: how to read them after a place, where that is, and how to queue those that are missing. */
type Pages<Row> = {
  read: (sql: Sql, after: number, limit: number) => Promise<Row[]>;
  placeOf: (row: Row) => number;
  /** Of its job, in Redis. */
  keyOf: (row: Row) => string;
  queue: (lost: Row[]) => Promise<void>;
};

type Parts = { ledger: Ledger; queues: Queues; redis: Redis; log: Log; prefix: string; registry: Registry };

const tryLock = async (sql: Sql): Promise<boolean> => {
  const { rows } = await sql.query<{ locked: boolean }>("SELECT pg_try_advisory_xact_lock($1) AS locked", [
    RECONCILE_LOCK,
  ]);
  return rows[0]?.locked ?? false;
};

const waitForLock = async (sql: Sql): Promise<boolean> => {
  await sql.query("SELECT pg_advisory_xact_lock($1)", [RECONCILE_LOCK]);
  return true;
};

/** Holds the database's reconcile lock around each page; null when another process has it and nobody waits for it. */
const underLock = <T>(pool: Pool, patient: boolean, work: (sql: Sql) => Promise<T>): Promise<T | null> =>
  inTransaction(pool, async (sql) => ((await (patient ? waitForLock : tryLock)(sql)) ? work(sql) : null));

/** Compares the ledger with the queue, in pages over partial indexes, and adds the jobs that are missing. */
export const makeReconcile = ({ ledger, queues, redis, log, prefix, registry }: Parts): Reconcile => {
  const pool = ledger.pools.routine;
  const count = makeReconcileMetrics(registry);
  const epochKey = epochKeyOf(prefix);

  /** Of jobs by queue key, those that Redis does not hold. */
  const missing = async <T>(items: readonly T[], keyOf: (one: T) => string): Promise<T[]> => {
    if (items.length === 0) return [];
    const keys = items.map(keyOf);
    // Mostly all are there, which one question tells: asked one by one they take this process five times as long.
    if ((await redis.exists(...keys)) === keys.length) return [];
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.exists(key);
    const answers = (await pipeline.exec()) ?? [];
    return items.filter((_, at) => answers[at]?.[1] === 0);
  };

  const plans = async (afterFlush: boolean, settlingMs: number): Promise<number> => {
    const found = await underLock(pool, afterFlush, (sql) => unplannedRevisions(sql, settlingMs, PAGE.afterFlush));
    const lost = await missing(found ?? [], (one) => queues.get(planQueue(one.lane)).toKey(planJobId(one)));
    for (const { lane, ...job } of lost) await queues.get(planQueue(lane)).add("plan", job, { jobId: planJobId(job) });
    return lost.length;
  };

  /** Goes through what should be on the queue, page by page, and puts back what is not; answers how many that were. */
  const putBack = async <T>(afterFlush: boolean, { read, keyOf, placeOf, queue }: Pages<T>): Promise<number> => {
    const limit = afterFlush ? PAGE.afterFlush : PAGE.looking;
    let added = 0;
    for (let after = 0; ; ) {
      const page = await underLock(pool, afterFlush, (sql) => read(sql, after, limit));
      const last = page?.at(-1);
      if (!page || !last) return added;
      const lost = await missing(page, keyOf);
      await queue(lost);
      added += lost.length;
      after = placeOf(last);
      if (!afterFlush) await wait(BREATH_MS);
    }
  };

  const notices: Pages<OpenNotice> = {
    read: openNotices,
    keyOf: ({ lane, id }) => queues.get(noticeQueue(lane)).toKey(noticeJobId({ notice: id })),
    placeOf: ({ no }) => no,
    queue: (lost) => queueNotices(queues, lost),
  };

  const chunks = (olderThanMs: number): Pages<LostChunk> => ({
    read: (sql, after, limit) => queuedChunks(sql, { after, olderThanMs, limit }),
    keyOf: ({ channel, lane, id, run }) =>
      queues.get(chunkQueue(channel, lane)).toKey(chunkJobId({ chunk: id, run: run + 1 })),
    placeOf: ({ id }) => id,
    queue: (lost) => queueChunks(queues, lost),
  });

  return {
    run: async (afterFlush) => {
      const settlingMs = afterFlush ? 0 : SETTLING_MS;
      // A flush took the bounds of BullMQ's own streams along with the jobs.
      if (afterFlush) await queues.setBounds();
      const back = {
        plans: await plans(afterFlush, settlingMs),
        notices: await putBack(afterFlush, notices),
        chunks: await putBack(afterFlush, chunks(settlingMs)),
      };
      count(back, afterFlush);
      if (back.plans + back.notices + back.chunks > 0 || afterFlush)
        log.warn({ ...back, afterFlush }, "the queue was rebuilt from the ledger");
      return back;
    },
    wasFlushed: async () => (await redis.set(epochKey, new Date().toISOString(), "NX")) === "OK",
  };
};
