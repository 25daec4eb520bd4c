import { setTimeout as wait } from "node:timers/promises";
import { type Channel, LANES, type Lane } from "../domain/category.ts";
import { elapsedMs } from "../domain/duration.ts";
import { makeAttemptDelivery } from "../flow/attempt-delivery.ts";
import { makeJudgeEndpoints } from "../flow/judge-endpoints.ts";
import { makeNoticeContents } from "../flow/notice-contents.ts";
import { makeSendChunk } from "../flow/send-chunk.ts";
import { makeSettler } from "../flow/settle.ts";
import { chunkJob } from "../queue/jobs.ts";
import { type Lanes, type LaneSlots, makeLanes } from "../queue/lanes.ts";
import { makeOrigins } from "../queue/origins.ts";
import { chunkQueue } from "../queue/queues.ts";
import { hearUrgent } from "../queue/urgent-word.ts";
import { openWorker } from "../queue/worker.ts";
import type { Sender } from "../senders/sender.ts";
import { makeChannelSender } from "./channel-sender.ts";
import type { Parts, Running } from "./parts.ts";
import { senderMetricsOf } from "./sender-metrics.ts";
import { startProviderAlerts } from "./provider-alerts.ts";

/** Sends in flight at once in one process; what a kill may repeat is bounded by these plus the settle buffer. */
export const SLOTS: Record<Channel, Record<Lane, LaneSlots>> = {
  webhook: { urgent: { fresh: 64, slow: 256 }, routine: { fresh: 128, slow: 512 } },
  // The relay's connections are the slots; one that is slow is as busy as another.
  email: { urgent: { fresh: 20, slow: 0 }, routine: { fresh: 20, slow: 0 } },
};
/**
 * Chunks at once in each lane: some load while others send, and those that wait for slow hosts keep nobody waiting.
 * Chunks that begin together end together, for they take turns: two of mails left the relay's connections idle for 12 % of
 * the time. More than six of mails would give more back, unsent, than a relay takes in a run that needs 300 ms for each.
 */
const CHUNKS_AT_ONCE: Record<Channel, number> = { webhook: 16, email: 6 };
/** Once asked to stop, exchanges that still run are cut off after this. */
const PATIENCE_MS = 12_000;

type LaneParts = Parts & { lane: Lane; sender: Sender; lanes: Lanes; giveUp: AbortSignal };

/** One lane of one channel: its own sender with its own connections, so that nothing routine is ever in an urgent one's way. */
const startLane = ({ lane, sender, lanes, giveUp, ...parts }: LaneParts): Running => {
  const { ledger, keyring, policy, redisUrl, prefix, registry, outages, log } = parts;
  const settler = senderMetricsOf(registry).watch({
    channel: sender.channel,
    lane,
    settler: makeSettler({
      pool: ledger.pools[lane],
      judgeEndpoints: makeJudgeEndpoints({ channel: sender.channel, policy }),
      outages,
      log,
      wait: (ms) => wait(ms),
    }),
    sending: () => lanes.inFlight(lane),
  });
  const sendChunk = makeSendChunk({
    lane,
    channel: sender.channel,
    ledger,
    contents: makeNoticeContents({ ledger, lane, zone: policy.timeZone }),
    attemptDelivery: makeAttemptDelivery({ sender, keyring, policy, giveUp, random: Math.random, log }),
    settler,
    lanes,
    origins: makeOrigins(),
    timeoutMs: elapsedMs(policy.timeouts[sender.channel]),
    log,
  });
  const worker = openWorker({
    redisUrl,
    prefix,
    outages,
    log,
    queue: chunkQueue(sender.channel, lane),
    concurrency: CHUNKS_AT_ONCE[sender.channel],
    run: async (data, stopping) => {
      const over = lanes.expect(lane);
      try {
        await sendChunk(chunkJob.parse(data), stopping);
      } finally {
        over();
      }
      return { kind: "done" };
    },
  });
  return {
    stop: async () => {
      await worker.stop();
      await settler.flushed();
      await sender.close();
    },
  };
};

/** Sends the chunks of one channel, both lanes. Run as many as you like. */
export const startSender = async (channel: Channel, parts: Parts): Promise<Running> => {
  const givingUp = new AbortController();
  const lanes = makeLanes(SLOTS[channel]);
  const running: Running[] = [];
  for (const lane of LANES) {
    const sender = await makeChannelSender(channel, parts);
    if (sender) running.push(startLane({ ...parts, lane, sender, lanes, giveUp: givingUp.signal }));
  }
  if (running.length === 0) parts.log.warn("SMTP_URL is not set: mails wait until a process has it");
  // What the word announces ends by itself, like a chunk that never comes.
  running.push(hearUrgent(parts, () => void lanes.expect("urgent")));
  running.push(await startProviderAlerts(channel, parts));
  return {
    stop: async () => {
      setTimeout(() => givingUp.abort(), PATIENCE_MS).unref();
      await Promise.all(running.map((one) => one.stop()));
      lanes.close();
    },
  };
};
