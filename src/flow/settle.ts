import type { Pool } from "pg";
import type { Settlement } from "../domain/settlement.ts";
import { inTransaction } from "../ledger/connection.ts";
import {
  deliveryKey,
  type SentColumns,
  type SettlementColumns,
  settleSent,
  settleUnsent,
} from "../ledger/deliveries.ts";
import { settleReplay } from "../ledger/replays.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import type { DisabledEndpoint, JudgeEndpoints } from "./judge-endpoints.ts";

/** One delivery's settlement, and the run of the chunk that had it. */
export type Settled = {
  notice: number;
  endpoint: number;
  chunk: number;
  run: number;
  settlement: Settlement;
  /** It was sent before, and repeated because somebody asked for it. */
  repeated: boolean;
  /** The endpoint was failing when the chunk was loaded. */
  failing: boolean;
  /** `performance.now()` when the attempt began. */
  begunAt: number;
  ms: number;
};

/** Collects outcomes and commits them in batches; what is in here is what a kill may repeat. */
export type Settler = {
  /** Whether there is room now. */
  hasRoom(): boolean;
  /** Resolves when there is room: a full buffer stops sending. */
  room(): Promise<void>;
  add(settled: Settled): void;
  /** Resolves when everything added before is committed. */
  flushed(): Promise<void>;
  /** Added and not yet committed. */
  pending(): number;
};

const BATCH = 200;
/** A lone outcome waits at most this long for company. */
const LINGER_MS = 20;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

const delayOf = ({ settlement: { delayMs } }: Settled): number | null =>
  delayMs === null ? null : Math.round(delayMs);

/** What both statements need, as columns; `now` as `performance.now()`. */
const sentColumns = (batch: readonly Settled[], now: number): SentColumns => ({
  notice: batch.map((it) => it.notice),
  endpoint: batch.map((it) => it.endpoint),
  ageMs: batch.map((it) => Math.round(now - it.begunAt)),
  ms: batch.map((it) => Math.round(it.ms)),
  code: batch.map((it) => it.settlement.code),
  answer: batch.map((it) => it.settlement.answer),
});

const unsentColumns = (batch: readonly Settled[], now: number): SettlementColumns => ({
  ...sentColumns(batch, now),
  chunk: batch.map((it) => it.chunk),
  run: batch.map((it) => it.run),
  status: batch.map((it) => it.settlement.status),
  reason: batch.map((it) => it.settlement.reason),
  delayMs: batch.map(delayOf),
  counted: batch.map((it) => it.settlement.counted),
  error: batch.map((it) => it.settlement.error),
});

const NOTHING: ReadonlySet<string> = new Set();

const isSent = (it: Settled): boolean => it.settlement.status === "sent";

/** Commits a batch. What went to healthy endpoints and was sent says nothing new of them: it takes one statement. */
const commit = async (pool: Pool, judge: JudgeEndpoints, all: readonly Settled[]): Promise<DisabledEndpoint[]> => {
  const now = performance.now();
  if (all.every((it) => isSent(it) && !it.repeated && !it.failing)) {
    await settleSent(pool, sentColumns(all, now));
    return [];
  }
  return inTransaction(pool, async (sql) => {
    for (const it of all) {
      if (!it.repeated) continue;
      const { notice, endpoint, settlement, begunAt } = it;
      const attempt = { notice, endpoint, ageMs: Math.round(now - begunAt), ms: Math.round(it.ms) };
      await settleReplay(sql, { ...settlement, ...attempt, delayMs: delayOf(it) });
    }
    const batch = all.filter((it) => !it.repeated);
    const { sent = [], others = [] } = Object.groupBy(batch, (it) => (isSent(it) ? "sent" : "others"));
    if (sent.length > 0) await settleSent(sql, sentColumns(sent, now));
    const unsent = others.length > 0 ? await settleUnsent(sql, unsentColumns(others, now)) : NOTHING;
    // Once one of its deliveries failed here, a success of the same batch is news too.
    const failed = new Set(batch.flatMap((it) => (unsent.has(deliveryKey(it)) ? [it.endpoint] : [])));
    // A repetition that fails says nothing new either: nobody waits for it.
    const signs = all.filter((it) =>
      isSent(it) ? it.failing || failed.has(it.endpoint) : !it.repeated && unsent.has(deliveryKey(it)),
    );
    return signs.length === 0 ? [] : judge(sql, signs);
  });
};

/**
 * Settles over `pool`. While the ledger cannot be reached it keeps what it has and tries again, for as long as it takes:
 * an outcome is never dropped, and sending stops as the buffer fills.
 */
export const makeSettler = ({
  pool,
  judgeEndpoints,
  outages,
  log,
  wait,
}: {
  pool: Pool;
  judgeEndpoints: JudgeEndpoints;
  outages: Outages;
  log: Log;
  wait: (ms: number) => Promise<void>;
}): Settler => {
  let buffer: Settled[] = [];
  let committing: Promise<void> | null = null;
  let inCommit = 0;
  /** Counts since the start: added, of them committed, and of them those that somebody waits for. */
  let added = 0;
  let committed = 0;
  let awaited = 0;
  let timer: NodeJS.Timeout | null = null;
  /** Each is called after the next batch. */
  let seekers: (() => void)[] = [];

  /** Leaves to linger what came meanwhile and nobody waits for: committed at once, mails went in batches of 19 (docs/performance.md). */
  const commitBatches = async (): Promise<void> => {
    do {
      const batch = buffer.slice(0, BATCH);
      buffer = buffer.slice(BATCH);
      inCommit = batch.length;
      for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
        try {
          for (const fact of await commit(pool, judgeEndpoints, batch)) log.warn(fact, "endpoint disabled");
          break;
        } catch (error) {
          if (!outages.explain(error, "settling") && delayMs === FIRST_RETRY_MS)
            log.error({ err: error, outcomes: batch.length }, "settling failed; trying again");
          await wait(delayMs);
        }
      }
      inCommit = 0;
      committed += batch.length;
      const all = seekers;
      seekers = [];
      for (const seeker of all) seeker();
    } while (buffer.length >= BATCH || committed < awaited);
  };

  const linger = (): void => {
    timer ??= setTimeout(start, LINGER_MS);
  };

  const start = (): void => {
    if (timer) clearTimeout(timer);
    timer = null;
    if (committing || buffer.length === 0) return;
    committing = commitBatches().finally(() => {
      committing = null;
      if (buffer.length > 0) linger();
    });
  };

  const isCommitted = (count: number): boolean => committed >= count;
  const nextBatch = (): Promise<void> => new Promise((resolve) => seekers.push(resolve));

  const flushed = async (): Promise<void> => {
    const upTo = added;
    awaited = upTo;
    start();
    while (!isCommitted(upTo)) await nextBatch();
  };

  return {
    hasRoom: () => buffer.length < BATCH,
    room: async () => {
      while (buffer.length >= BATCH) await nextBatch();
    },
    add: (settled) => {
      buffer.push(settled);
      added += 1;
      if (buffer.length >= BATCH) start();
      else if (!committing) linger();
    },
    flushed,
    pending: () => buffer.length + inCommit,
  };
};
