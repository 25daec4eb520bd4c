import type pg from "pg";
import type { Channel } from "../domain/category.ts";
import { takeLease } from "./chunks.ts";
import { type LoadedDelivery, loadChunk } from "./deliveries.ts";
import { chunkStates, type NoticeStates } from "./notice-content.ts";

/** A chunk that is this run's to send. */
export type TakenChunk = { run: number; waiting: LoadedDelivery[]; states: NoticeStates };

/**
 * Takes the lease of a chunk, then loads what still waits in it, then looks at its notices: in this order, each after the one
 * before is committed, but sent together, because each round trip would keep the first delivery of an emergency waiting for
 * half a millisecond. Null: another has the chunk, or it is done; what was loaded then is thrown away.
 */
export const takeChunk = async (
  pool: pg.Pool,
  { chunk, channel, leaseMs }: { chunk: number; channel: Channel; leaseMs: number },
): Promise<TakenChunk | null> => {
  const client = await pool.connect();
  try {
    const [run, waiting, states] = await Promise.all([
      takeLease(client, chunk, leaseMs),
      loadChunk(client, chunk, channel),
      chunkStates(client, chunk),
    ]);
    client.release();
    return run === null ? null : { run, waiting, states };
  } catch (error) {
    // Statements may still be under way on it.
    client.release(true);
    throw error;
  }
};
