import { type Lane, LANES } from "../domain/category.ts";
import { releaseDueChanges } from "../ledger/changes.ts";
import { lostChunks, releaseHeld, sweepDue } from "../ledger/chunks.ts";
import type { Ledger } from "../ledger/connection.ts";
import { CHUNK_SIZE, type NewChunk } from "../ledger/fan-out.ts";
import { finishNotices } from "../ledger/notices.ts";
import { sweepReplays } from "../ledger/replays.ts";
import type { Log } from "../log.ts";
import type { Queues } from "../queue/queues.ts";
import { queueChunks } from "./queue-chunks.ts";

/** Deliveries of a lane that one sweep puts into chunks. */
const SWEEP_LIMIT = 10_000;
const LOST_LIMIT = 1_000;
/** Windows that hold nothing but deliveries of paused changes, which one tick puts aside to come to what is behind them. */
const HELD_WINDOWS = 5;

/** After the ledger was away senders bring what they sent meanwhile within five seconds (settle.ts), and their leases may be over. */
const AFTER_OUTAGE_MS = 10_000;

export type Sweep = () => Promise<void>;

type Parts = { ledger: Ledger; queues: Queues; log: Log; now?: () => number };

/**
 * One tick, each second: what is due and in no chunk (retries, partners' own hours, what was given back) goes into new
 * chunks, what a pause held goes on once its change does, chunks whose lease ran out get a new run, notices with nothing
 * left to wait for are done, and changes whose date has come are released. Urgent first. Several processes may sweep at
 * once: none waits for another. `now` in milliseconds.
 */
export const makeSweep = ({ ledger, queues, log, now = () => performance.now() }: Parts): Sweep => {
  let failedAt = Number.NEGATIVE_INFINITY;

  const sweepLane = async (lane: Lane): Promise<NewChunk[]> => {
    for (let window = 1; ; window += 1) {
      const { chunks, held } = await sweepDue(ledger.pools[lane], lane, SWEEP_LIMIT);
      if (held > 0) log.debug({ lane, deliveries: held }, "due deliveries of paused changes put aside");
      if (held < SWEEP_LIMIT || window === HELD_WINDOWS) return chunks;
    }
  };

  const sweepLanes = async (): Promise<void> => {
    for (const lane of LANES) {
      const chunks = [
        ...(await releaseHeld(ledger.pools[lane], lane, SWEEP_LIMIT / CHUNK_SIZE)),
        ...(await sweepLane(lane)),
        ...(await sweepReplays(ledger.pools[lane], lane, SWEEP_LIMIT)),
      ];
      await queueChunks(queues, chunks);
      if (chunks.length > 0) log.debug({ lane, chunks: chunks.length }, "due deliveries swept into chunks");
    }
  };

  const findLost = async (): Promise<void> => {
    if (now() - failedAt < AFTER_OUTAGE_MS) return;
    const lost = await lostChunks(ledger.pools.urgent, LOST_LIMIT);
    await queueChunks(queues, lost);
    if (lost.length > 0) log.warn({ chunks: lost.length }, "chunks whose sender was lost are sent again");
  };

  return async () => {
    try {
      await sweepLanes();
    } catch (error) {
      failedAt = now();
      throw error;
    }
    await findLost();
    for (const notice of await finishNotices(ledger.pools.routine)) {
      const { id, ...rest } = notice;
      log.info({ notice: id, ...rest }, "notice done");
    }
    for (const change of await releaseDueChanges(ledger.pools.routine))
      log.info({ change, by: "schedule" }, "change released");
  };
};
