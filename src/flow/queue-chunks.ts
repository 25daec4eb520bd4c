import type { NewChunk } from "../ledger/fan-out.ts";
import { type ChunkJob, chunkJobId, chunkQueue, type QueueName, type Queues } from "../queue/queues.ts";

/** Adds one job per chunk run; a run that is queued already stays as it is. Queueing sets no lease: senders take it. */
export const queueChunks = async (queues: Queues, chunks: readonly (NewChunk & { run?: number })[]): Promise<void> => {
  const byQueue = Map.groupBy(chunks, (chunk): QueueName => chunkQueue(chunk.channel, chunk.lane));
  for (const [queue, members] of byQueue) {
    const jobs = members.map((chunk) => {
      const data: ChunkJob = { chunk: chunk.id, run: (chunk.run ?? 0) + 1, notice: chunk.notice };
      return { name: "chunk", data, opts: { jobId: chunkJobId(data) } };
    });
    await queues.get(queue).addBulk(jobs);
  }
};
