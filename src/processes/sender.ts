import { setTimeout as wait } from "node:timers/promises";
import { type Channel, LANES } from "../domain/category.ts";
import { elapsedMs } from "../domain/duration.ts";
import { makeSendChunk } from "../flow/send-chunk.ts";
import { makeSettler } from "../flow/settle.ts";
import { chunkJob } from "../queue/jobs.ts";
import { makeLanes } from "../queue/lanes.ts";
import { chunkQueue } from "../queue/queues.ts";
import { openWorker } from "../queue/worker.ts";
import { makeChannelSender } from "./channel-sender.ts";
import type { Parts, Running } from "./parts.ts";

/** Sends in flight at once in one process, by lane; what a kill may repeat is bounded by these plus the settle buffer. */
const SLOTS: Record<Channel, Record<"urgent" | "routine", number>> = {
  webhook: { urgent: 64, routine: 128 },
  email: { urgent: 10, routine: 20 },
};
/** Chunks at once in each lane: two, so that one loads while the other sends, and some for chunks of slow receivers. */
const CHUNKS_AT_ONCE = 4;

/** Once asked to stop, exchanges that still run are cut off after this. */
const PATIENCE_MS = 15_500;

/** Sends the chunks of one channel, both lanes. Run as many as you like. */
export const startSender = async (channel: Channel, parts: Parts): Promise<Running> => {
  const { ledger, keyring, policy, redisUrl, prefix, log } = parts;
  const sender = makeChannelSender(channel, parts);
  if (!sender) return { stop: () => Promise.resolve() };

  const settlers = {
    urgent: makeSettler({ pool: ledger.pools.urgent, log, wait: (ms) => wait(ms) }),
    routine: makeSettler({ pool: ledger.pools.routine, log, wait: (ms) => wait(ms) }),
  };
  const givingUp = new AbortController();
  const sendChunk = makeSendChunk({
    ledger,
    sender,
    settlers,
    lanes: makeLanes(SLOTS[channel]),
    keyring,
    policy,
    timeoutMs: elapsedMs(policy.timeouts[channel]),
    giveUp: givingUp.signal,
    random: Math.random,
    log,
  });
  const workers = LANES.map((lane) =>
    openWorker({
      redisUrl,
      prefix,
      log,
      queue: chunkQueue(channel, lane),
      concurrency: CHUNKS_AT_ONCE,
      run: async (data, signal) => {
        await sendChunk(chunkJob.parse(data), lane, signal);
        return { kind: "done" };
      },
    }),
  );
  return {
    stop: async () => {
      setTimeout(() => givingUp.abort(), PATIENCE_MS).unref();
      await Promise.all(workers.map((worker) => worker.stop()));
      await Promise.all(LANES.map((lane) => settlers[lane].flushed()));
      await sender.close();
    },
  };
};
