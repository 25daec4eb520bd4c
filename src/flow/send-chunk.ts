import type { Channel, Lane } from "../domain/category.ts";
import { deliveryId, endpointId, type Outcome } from "../domain/delivery.ts";
import type { Policy } from "../domain/policy.ts";
import { lastWord, RELAY_PAUSE_MS, type Settlement, settlementOf, settlementOfWord } from "../domain/settlement.ts";
import type { Keyring } from "../keyring.ts";
import { endRun, takeLease } from "../ledger/chunks.ts";
import type { Ledger } from "../ledger/connection.ts";
import { type LoadedDelivery, loadChunk } from "../ledger/deliveries.ts";
import { type KeptContent, loadContents, noticeStates } from "../ledger/notice-content.ts";
import type { Log } from "../log.ts";
import type { Lanes } from "../queue/lanes.ts";
import type { ChunkJob } from "../queue/queues.ts";
import type { Addressee, Sender } from "../senders/sender.ts";
import type { Settler } from "./settle.ts";

/** A run begins nothing after this; the rest goes back, due now. */
const RUN_MS = 20_000;
const LEASE_MARGIN_MS = 10_000;
/** Notices whose content is kept for the next chunk. */
const KEPT_CONTENTS = 200;

type Parts = {
  ledger: Ledger;
  sender: Sender;
  settlers: Record<Lane, Settler>;
  lanes: Lanes;
  keyring: Keyring;
  policy: Policy;
  /** The longest that one attempt may take. */
  timeoutMs: number;
  /** Aborts when the process can wait no longer. */
  giveUp: AbortSignal;
  /** In [0, 1), for the jitter of retries. */
  random: () => number;
  log: Log;
};

export type SendChunk = (job: ChunkJob, lane: Lane, stopping: AbortSignal) => Promise<void>;

/**
 * Sends one chunk: takes its lease, loads what still waits, looks once more at each delivery, sends with bounded
 * concurrency, settles in batches, and gives back what it did not begin within 20 seconds or before `stopping` aborted.
 * What has begun is always seen through: an exchange cut off half-way would be repeated.
 *
 * Without the lease it does nothing: another sender has the chunk, or it is done.
 */
export const makeSendChunk = (parts: Parts): SendChunk => {
  const { ledger, sender, settlers, lanes, log } = parts;
  const channel: Channel = sender.channel;
  const contents = new Map<number, KeptContent>();

  const loadMissingContents = async (lane: Lane, nos: readonly number[]): Promise<void> => {
    const missing = nos.filter((no) => !contents.has(no));
    if (missing.length === 0) return;
    for (const content of await loadContents(ledger.pools[lane], missing, parts.policy.timeZone))
      contents.set(content.notice.no, content);
    for (const old of contents.keys()) {
      if (contents.size <= Math.max(KEPT_CONTENTS, nos.length)) break;
      if (!nos.includes(old)) contents.delete(old);
    }
  };

  const addressee = (delivery: LoadedDelivery, content: KeptContent): Addressee => ({
    delivery: deliveryId(content.notice.id, delivery.endpoint),
    partner: delivery.partner,
    name: delivery.name,
    locale: delivery.locale,
    timeZone: delivery.timeZone,
    address: delivery.address,
    secrets: [delivery.secretSealed, delivery.formerSecretSealed].flatMap((sealed) =>
      sealed ? [parts.keyring.open(sealed)] : [],
    ),
    threadRoot: delivery.threadRoot === null ? null : deliveryId(delivery.threadRoot, delivery.endpoint),
  });

  /** A bug of ours must neither end the chunk for the others nor spin: it is tried again by the schedule, and then fails in sight. */
  const sendOnce = async (delivery: LoadedDelivery, content: KeptContent): Promise<Outcome> => {
    try {
      return await sender.send(content, addressee(delivery, content), parts.giveUp);
    } catch (error) {
      log.error({ err: error, delivery: deliveryId(content.notice.id, delivery.endpoint) }, "sending threw");
      return {
        kind: "retry",
        code: null,
        error: `internal: ${String(error)}`.slice(0, 500),
        answer: null,
        retryAfterMs: null,
      };
    }
  };

  return async ({ chunk }, lane, stopping) => {
    const begunAt = performance.now();
    const pool = ledger.pools[lane];
    const run = await takeLease(pool, chunk, RUN_MS + parts.timeoutMs + LEASE_MARGIN_MS);
    if (run === null) return;

    const waiting = await loadChunk(pool, chunk, channel);
    const nos = [...new Set(waiting.map((delivery) => delivery.notice))];
    const [states] = await Promise.all([noticeStates(pool, nos), loadMissingContents(lane, nos)]);
    const settler = settlers[lane];
    const settle = (delivery: LoadedDelivery, settlement: Settlement, begunAt: number): void =>
      settler.add({
        notice: delivery.notice,
        endpoint: delivery.endpoint,
        chunk,
        run,
        settlement,
        begunAt,
        ms: performance.now() - begunAt,
      });
    let relayIsGone = false;
    const counts: Record<string, number> = {};
    const count = (what: string): void => {
      counts[what] = (counts[what] ?? 0) + 1;
    };

    const attempt = async (delivery: LoadedDelivery, content: KeptContent): Promise<void> => {
      const begunAt = performance.now();
      const outcome = await sendOnce(delivery, content);
      lanes.leave(lane);
      if (outcome.kind === "unreachable") relayIsGone = true;
      const schedule = (content.retries ?? parts.policy.retries)[channel];
      const settlement = settlementOf(outcome, { attempts: delivery.attempts, schedule, random: parts.random() });
      count(settlement.status === "waiting" ? outcome.kind : settlement.status);
      settle(delivery, settlement, begunAt);
    };

    const attempts: Promise<void>[] = [];
    for (const delivery of waiting) {
      const content = contents.get(delivery.notice);
      const state = states.get(delivery.notice);
      if (!content || !state) continue;
      const word = lastWord({ ...delivery, ...state });
      if (word.kind === "hold") {
        count("held");
        continue;
      }
      if (word.kind !== "send") {
        const settlement = settlementOfWord(word);
        count(settlement.status);
        settle(delivery, settlement, performance.now());
        continue;
      }
      await settler.room();
      await lanes.enter(lane);
      if (stopping.aborted || relayIsGone || performance.now() - begunAt > RUN_MS) {
        lanes.leave(lane);
        break;
      }
      attempts.push(attempt(delivery, content));
    }
    await Promise.all(attempts);
    await settler.flushed();
    await endRun(pool, { chunk, run, pauseMs: relayIsGone ? RELAY_PAUSE_MS : 0 });
    log.info(
      {
        chunk,
        run,
        lane,
        channel,
        notices: nos.length === 1 ? contents.get(nos[0] ?? 0)?.notice.id : nos.length,
        deliveries: waiting.length,
        ...counts,
        ms: Math.round(performance.now() - begunAt),
        ...(waiting.length === 1 && waiting[0] ? { endpoint: endpointId(waiting[0].endpoint) } : {}),
      },
      "chunk sent",
    );
  };
};
