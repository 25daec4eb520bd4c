import { randomUUID } from "node:crypto";
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

/**
 * Why the ledger is compared with the queue, and so how: how far ahead notices are looked at (null: all of them), rows of a
 * page, the rest between two pages so that whoever is waited for comes in between, and how recent a commit is left alone,
 * because what it made is still on its way to the queue.
 *
 * A job is only missed when it is due, so each minute what is due within ten is enough; as it is of tens of thousands of
 * notices a hundred, nobody feels it. All are looked at when some are known or likely to be missing.
 */
const WAYS = {
  timer: { aheadMs: 600_000, page: 250, restMs: 25, settlingMs: 5_000 },
  outage: { aheadMs: null, page: 250, restMs: 25, settlingMs: 5_000 },
  flush: { aheadMs: null, page: 1_000, restMs: 0, settlingMs: 0 },
} as const;
export type Cause = keyof typeof WAYS;
type Way = (typeof WAYS)[Cause];
const PLANS = 1_000;
/** A mark of a rebuilding lasts no longer unless that came to its end: then somebody takes over from who was killed. */
const REBUILDING_MS = 120_000;
const GONE = "gone";
/** Lets the mark KEYS[1] stay if it is still ARGV[1]. */
const KEEP = `local mark = redis.call("GET", KEYS[1])
  if mark == ARGV[1] then redis.call("PERSIST", KEYS[1]) end
  return mark and "there" or "${GONE}"`;
/** Any constant: one process reconciles at a time; a paused one holds it for no longer than its transaction. */
const RECONCILE_LOCK = 7_305_112_044;

export type Reconcile = {
  /** The ledger against the queue: puts back what is missing. */
  run(cause: Cause): Promise<Reconciled>;
  /** Whether Redis has lost its memory since the last rebuilding; if so it is for the caller to rebuild, and the mark says that somebody does. */
  wasFlushed(): Promise<boolean>;
  /** Says that somebody rebuilds, who is about to flush. */
  markRebuilding(): Promise<void>;
};

/** Rows of the ledger that each have a job: how to read those that follow one, and how to queue those that are missing. */
type Pages<Row> = {
  read: (sql: Sql, after: Row | undefined) => Promise<Row[]>;
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

  /** Each minute one process is enough; whoever knows of a loss waits for its turn. */
  const page = async <T>(cause: Cause, read: (sql: Sql) => Promise<T[]>): Promise<T[]> =>
    (await underLock(pool, cause !== "timer", read)) ?? [];

  const plans = async (cause: Cause): Promise<number> => {
    const found = await page(cause, (sql) => unplannedRevisions(sql, WAYS[cause].settlingMs, PLANS));
    const lost = await missing(found, (one) => queues.get(planQueue(one.lane)).toKey(planJobId(one)));
    for (const { lane, ...job } of lost) await queues.get(planQueue(lane)).add("plan", job, { jobId: planJobId(job) });
    return lost.length;
  };

  /** Goes through what should be on the queue, page by page, and puts back what is not; answers how many that were. */
  const putBack = async <T>(cause: Cause, { read, keyOf, queue }: Pages<T>): Promise<number> => {
    const way = WAYS[cause];
    let added = 0;
    for (let last: T | undefined; ; ) {
      const rows = await page(cause, (sql) => read(sql, last));
      const lost = await missing(rows, keyOf);
      await queue(lost);
      added += lost.length;
      // Not until none is left: while events come in there is always one more at the end.
      if (rows.length < way.page) return added;
      last = rows.at(-1);
      await wait(way.restMs);
    }
  };

  const notices = ({ aheadMs, settlingMs, page: limit }: Way): Pages<OpenNotice> => ({
    read: (sql, after) => openNotices(sql, { after, aheadMs, olderThanMs: settlingMs, limit }),
    keyOf: ({ lane, id }) => queues.get(noticeQueue(lane)).toKey(noticeJobId({ notice: id })),
    queue: (lost) => queueNotices(queues, lost),
  });

  const chunks = ({ settlingMs, page: limit }: Way): Pages<LostChunk> => ({
    read: (sql, after) => queuedChunks(sql, { after: after?.id ?? 0, olderThanMs: settlingMs, limit }),
    keyOf: ({ channel, lane, id, run }) =>
      queues.get(chunkQueue(channel, lane)).toKey(chunkJobId({ chunk: id, run: run + 1 })),
    queue: (lost) => queueChunks(queues, lost),
  });

  const putAllBack = async (cause: Cause): Promise<Reconciled> => ({
    plans: await plans(cause),
    notices: await putBack(cause, notices(WAYS[cause])),
    chunks: await putBack(cause, chunks(WAYS[cause])),
  });

  /**
   * The mark stands from its beginning, under a value of its own: gone at its end, a flush took it along with what was put back
   * before, and all is looked at again. Another's value is that of somebody who began later, and is seeing to it.
   */
  const rebuild = async (): Promise<Reconciled> => {
    try {
      const mark = randomUUID();
      await redis.set(epochKey, mark, "PX", REBUILDING_MS);
      // The flush took the bounds of BullMQ's own streams along with the jobs.
      await queues.setBounds();
      const back = await putAllBack("flush");
      if ((await redis.eval(KEEP, 1, epochKey, mark)) !== GONE) return back;
      const again = await rebuild();
      return {
        plans: back.plans + again.plans,
        notices: back.notices + again.notices,
        chunks: back.chunks + again.chunks,
      };
    } catch (error) {
      // Where Redis is away as well, the mark's time runs out.
      await redis.del(epochKey).catch(() => undefined);
      throw error;
    }
  };

  return {
    run: async (cause) => {
      const back = await (cause === "flush" ? rebuild() : putAllBack(cause));
      count(back, cause);
      if (back.plans + back.notices + back.chunks > 0 || cause === "flush")
        log.warn({ ...back, cause }, "the queue was rebuilt from the ledger");
      return back;
    },
    wasFlushed: async () => (await redis.set(epochKey, new Date().toISOString(), "PX", REBUILDING_MS, "NX")) === "OK",
    markRebuilding: async () => void (await redis.set(epochKey, new Date().toISOString(), "PX", REBUILDING_MS)),
  };
};
