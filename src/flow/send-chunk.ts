import type { Channel, Lane } from "../domain/category.ts";
import { follows, lastWord, putOff, RELAY_PAUSE_MS, type Settlement, settlementOfWord } from "../domain/settlement.ts";
import { endRun } from "../ledger/chunks.ts";
import type { Ledger } from "../ledger/connection.ts";
import type { LoadedDelivery } from "../ledger/deliveries.ts";
import { lastTold } from "../ledger/last-told.ts";
import type { KeptContent, NoticeStates } from "../ledger/notice-content.ts";
import { readyPartners } from "../ledger/ready-partners.ts";
import { takeChunk } from "../ledger/take-chunk.ts";
import type { Log } from "../log.ts";
import type { Lanes, Ticket } from "../queue/lanes.ts";
import type { Admission, Origins } from "../queue/origins.ts";
import { makePermits } from "../queue/permits.ts";
import type { ChunkJob } from "../queue/queues.ts";
import type { AttemptDelivery } from "./attempt-delivery.ts";
import type { NoticeContents } from "./notice-contents.ts";
import { watchPauses } from "./pause-watch.ts";
import type { Settler } from "./settle.ts";

/** A run begins nothing after this; the rest goes back, due now. */
const RUN_MS = 20_000;
const LEASE_MARGIN_MS = 10_000;
/**
 * Chunks of a lane whose deliveries are in memory and not begun: while one begins, another loads. With more, what is loaded
 * outlives several collections before it is sent: with sixteen a delivery took 15 to 20 % more of the sender's CPU.
 */
const LOADED_AHEAD = 2;
/** An attempt without an answer that took longer than this held a slot for nothing. */
const SILENCE_MS = 1_000;

type Parts = {
  lane: Lane;
  channel: Channel;
  ledger: Ledger;
  contents: NoticeContents;
  attemptDelivery: AttemptDelivery;
  settler: Settler;
  lanes: Lanes;
  origins: Origins;
  /** The longest that one attempt may take. */
  timeoutMs: number;
  log: Log;
};

export type SendChunk = (job: ChunkJob, stopping: AbortSignal) => Promise<void>;

const NOBODY: ReadonlySet<string> = new Set();
const GO = { kind: "go" } as const;
const NOTHING_TOLD: ReadonlyMap<string, number> = new Map();

type Todo = { delivery: LoadedDelivery; content: KeptContent; origin: string | null };

/** The host that answers, which may slow down nobody but itself; mails all go to the one relay. */
const ORIGIN_OF: Record<Channel, (address: string) => string | null> = {
  // Of `https://host:port/path`, what stands before the third slash: it need only tell hosts apart, and parsing the whole
  // address here as well as in the sender costs 0.7 µs more for each delivery.
  webhook: (address) => /^[^/]*\/\/[^/?#]*/.exec(address)?.[0] ?? null,
  email: () => null,
};

/**
 * Sends one chunk: takes its lease, loads what still waits, looks once more at each delivery, sends with bounded
 * concurrency, settles in batches, and gives back what it did not begin within 20 seconds or before `stopping` aborted.
 * What has begun is always seen through: an exchange cut off half-way would be repeated.
 *
 * Without the lease it does nothing: another sender has the chunk, or it is done.
 */
export const makeSendChunk = (parts: Parts): SendChunk => {
  const { lane, channel, ledger, contents, attemptDelivery, settler, lanes, origins, timeoutMs, log } = parts;
  const pool = ledger.pools[lane];
  const originOf = ORIGIN_OF[channel];
  const permits = makePermits(LOADED_AHEAD);

  const loadAndSend = async (
    { chunk, notice }: ChunkJob,
    stopping: AbortSignal,
    letNextLoad: () => void,
  ): Promise<void> => {
    const begunAt = performance.now();
    const leaseMs = RUN_MS + timeoutMs + LEASE_MARGIN_MS;
    const [taken] = await Promise.all([
      takeChunk(pool, { chunk, channel, leaseMs }),
      // Kept from then on: what the chunk says is there when it is known to whom.
      notice === undefined ? null : contents.load([notice]),
    ]);
    if (taken === null) return;
    const { run } = taken;

    const counts: Record<string, number> = {};
    const count = (what: string): void => {
      counts[what] = (counts[what] ?? 0) + 1;
    };
    const settle = (
      what: string,
      { notice, endpoint, repeated, failing }: LoadedDelivery,
      settlement: Settlement,
      begunAt: number,
    ): void => {
      count(what);
      settler.add({
        notice,
        endpoint,
        chunk,
        run,
        settlement,
        repeated,
        failing,
        begunAt,
        ms: performance.now() - begunAt,
      });
    };

    /** A frame of its own, so that what is sent is not kept until the chunk is done: it would be moved to the old generation. */
    const load = async (
      states: NoticeStates,
      waiting: readonly LoadedDelivery[],
    ): Promise<{ todo: Todo[]; nos: number[]; deliveries: number; notices: string | number | undefined }> => {
      const nos = [...new Set(waiting.map((delivery) => delivery.notice))];
      const said = await contents.load(nos);
      const reminders = nos.filter((no) => states.get(no)?.isReminder);
      const revised = nos.some((no) => (said.get(no)?.change?.revision ?? 1) > 1);
      const [ready, told] = await Promise.all([
        reminders.length > 0 ? readyPartners(pool, reminders, [...new Set(waiting.map((one) => one.partner))]) : NOBODY,
        revised ? lastTold(pool, chunk) : NOTHING_TOLD,
      ]);
      const todo: Todo[] = [];
      for (const delivery of waiting) {
        const content = said.get(delivery.notice);
        const state = states.get(delivery.notice);
        if (!content || !state) continue;
        const { endpointStatus, endpointGone, partnerLeft } = delivery;
        const isReady = ready.size > 0 && ready.has(`${delivery.notice} ${delivery.partner}`);
        const unfollowed = !follows(delivery.subscriptions, content.change?.fields.service ?? null);
        const word = lastWord({ ...state, endpointStatus, endpointGone, partnerLeft, unfollowed, ready: isReady });
        if (word.kind === "send")
          todo.push({
            delivery,
            content: revised
              ? await contents.since(content, told.get(`${delivery.notice} ${delivery.endpoint}`) ?? null)
              : content,
            origin: originOf(delivery.address),
          });
        else if (word.kind === "hold") count("held");
        else settle(word.reason, delivery, settlementOfWord(word), performance.now());
      }
      const notices = nos.length === 1 ? said.get(nos[0] ?? 0)?.notice.id : nos.length;
      return { todo, nos, deliveries: waiting.length, notices };
    };
    const { nos, deliveries, notices, ...loaded } = await load(taken.states, taken.waiting.splice(0));
    let { todo } = loaded;

    let relayIsGone = false;
    const isOver = (): boolean => stopping.aborted || relayIsGone || performance.now() - begunAt > RUN_MS;

    const pauses = watchPauses({ pool, notices: nos, lookedAt: begunAt, log });

    let running = 0;
    let allEnded: (() => void) | null = null;
    /** Never rejects. */
    const attempt = async ({ delivery, content, origin }: Todo, ticket: Ticket): Promise<void> => {
      const begunAt = performance.now();
      running += 1;
      if (origin !== null) origins.begin(origin);
      const { outcome, settlement } = await attemptDelivery(delivery, content);
      lanes.leave(ticket);
      const silent = outcome.kind === "retry" && outcome.code === null && performance.now() - begunAt > SILENCE_MS;
      if (origin !== null) origins.end(origin, silent);
      if (outcome.kind === "unreachable") relayIsGone = true;
      settle(settlement.status === "waiting" ? outcome.kind : settlement.status, delivery, settlement, begunAt);
      running -= 1;
      if (running === 0) allEnded?.();
    };

    const admit = ({ origin }: Todo): Admission => (origin === null ? GO : origins.ask(origin));
    while (todo.length > 0 && !isOver()) {
      const left: Todo[] = [];
      for (let one = todo.shift(); one; one = todo.shift()) {
        if (pauses.isStale()) await pauses.lookAgain();
        if (pauses.holds(one.delivery.notice)) {
          count("held");
          continue;
        }
        const admission = admit(one);
        if (admission.kind === "resting") {
          settle("resting", one.delivery, putOff(admission.forMs), performance.now());
          continue;
        }
        if (admission.kind === "full" || isOver()) {
          left.push(one);
          continue;
        }
        let ticket = settler.hasRoom() ? lanes.tryEnter(lane) : null;
        if (ticket === null) {
          if (!settler.hasRoom()) await settler.room();
          ticket = await lanes.enter(lane);
          if (pauses.isStale()) await pauses.lookAgain();
          if (isOver() || pauses.holds(one.delivery.notice) || admit(one).kind !== "go") {
            lanes.leave(ticket);
            left.push(one);
            continue;
          }
        }
        void attempt(one, ticket);
      }
      todo = left;
      letNextLoad();
      if (todo.length > 0 && !isOver()) await origins.change();
    }
    if (running > 0)
      await new Promise<void>((resolve) => {
        allEnded = resolve;
      });
    await settler.flushed();
    await endRun(pool, { chunk, run, pauseMs: relayIsGone ? RELAY_PAUSE_MS : 0 });
    log.info(
      {
        chunk,
        run,
        lane,
        channel,
        notices,
        deliveries,
        ...counts,
        ...(todo.length > 0 ? { givenBack: todo.length } : {}),
        ms: Math.round(performance.now() - begunAt),
      },
      "chunk sent",
    );
  };

  return async (job, stopping) => {
    const letNextLoad = await permits.take();
    try {
      await loadAndSend(job, stopping, letNextLoad);
    } finally {
      letNextLoad();
    }
  };
};
