import type { Pool } from "pg";
import type { Settlement } from "../domain/settlement.ts";
import { inTransaction } from "../ledger/connection.ts";
import { deliveryKey, settleBatch } from "../ledger/deliveries.ts";
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
const LINGER_MS = 10;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

/** Commits a batch. What went to healthy endpoints and was sent says nothing new of them, and costs nothing more here. */
const commit = (pool: Pool, judge: JudgeEndpoints, all: readonly Settled[]): Promise<DisabledEndpoint[]> =>
  inTransaction(pool, async (sql) => {
    const now = performance.now();
    const delay = ({ settlement: { delayMs } }: Settled) => (delayMs === null ? null : Math.round(delayMs));
    const age = ({ begunAt }: Settled) => Math.round(now - begunAt);
    for (const it of all) {
      if (!it.repeated) continue;
      const { notice, endpoint, settlement } = it;
      const attempt = { notice, endpoint, ageMs: age(it), ms: Math.round(it.ms) };
      await settleReplay(sql, { ...settlement, ...attempt, delayMs: delay(it) });
    }
    const batch = all.filter((it) => !it.repeated);
    const column = <T>(of: (settled: Settled) => T): T[] => batch.map(of);
    const unsent = await settleBatch(sql, {
      notice: column((it) => it.notice),
      endpoint: column((it) => it.endpoint),
      chunk: column((it) => it.chunk),
      run: column((it) => it.run),
      status: column((it) => it.settlement.status),
      reason: column((it) => it.settlement.reason),
      delayMs: column(delay),
      counted: column((it) => it.settlement.counted),
      ageMs: column(age),
      ms: column((it) => Math.round(it.ms)),
      code: column((it) => it.settlement.code),
      error: column((it) => it.settlement.error),
      answer: column((it) => it.settlement.answer),
    });
    // Once one of its deliveries failed here, a success of the same batch is news too.
    const failed = new Set(batch.flatMap((it) => (unsent.has(deliveryKey(it)) ? [it.endpoint] : [])));
    // A repetition that fails says nothing new either: nobody waits for it.
    const signs = all.filter((it) =>
      it.settlement.status === "sent"
        ? it.failing || failed.has(it.endpoint)
        : !it.repeated && unsent.has(deliveryKey(it)),
    );
    return signs.length === 0 ? [] : judge(sql, signs);
  });

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
  let timer: NodeJS.Timeout | null = null;
  let roomSeekers: (() => void)[] = [];

  const commitAll = async (): Promise<void> => {
    while (buffer.length > 0) {
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
      const seekers = roomSeekers;
      roomSeekers = [];
      for (const seeker of seekers) seeker();
    }
  };

  const start = (): void => {
    if (timer) clearTimeout(timer);
    timer = null;
    committing ??= commitAll().finally(() => {
      committing = null;
      if (buffer.length > 0) start();
    });
  };

  const flushed = async (): Promise<void> => {
    do {
      start();
      await committing;
    } while (buffer.length > 0);
  };

  return {
    hasRoom: () => buffer.length < BATCH,
    room: async () => {
      while (buffer.length >= BATCH) await new Promise<void>((resolve) => roomSeekers.push(resolve));
    },
    add: (settled) => {
      buffer.push(settled);
      if (buffer.length >= BATCH) start();
      else timer ??= setTimeout(start, LINGER_MS);
    },
    flushed,
    pending: () => buffer.length + inCommit,
  };
};
