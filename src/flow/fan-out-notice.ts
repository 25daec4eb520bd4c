import { CHANNELS, type Lane } from "../domain/category.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { fanOutWindow, lockNotice, type NoticeToFanOut } from "../ledger/fan-out.ts";
import type { Log } from "../log.ts";
import { chunkQueue, type NoticeJob, type Queues } from "../queue/queues.ts";
import { queueChunks } from "./queue-chunks.ts";

/**
 * Endpoints a window covers in one commit: few enough that an urgent notice, which goes before the next, does not wait long. (With
 * 2,000 the first POST of one that met a fan-out at full speed came after 60 to 70 ms, with 1,000 after 54.)
 */
export const WINDOW = 1_000;
/**
 * An urgent notice's first window is small, so that its first senders start at once, and the next is ten times as large, so that they
 * do not wait for it: 10, 100, and then the whole.
 */
const GROWTH = 10;
const FIRST_WINDOW: Record<Lane, number> = { urgent: 10, routine: WINDOW };

/** With more chunks of a lane and channel on the queue, a fan-out slows to 10,000 endpoints a second: about 400,000 deliveries. */
const MOST_QUEUED = 2_000;
const PAUSE_MS = 100;
/** Who was told decides who hears what: while a sender has the earlier notice in hand, the next one waits. */
const UNSETTLED_MS = 250;

/** `later`: by the database's clock it is not due yet, or the senders have enough to do; come back after `delayMs`. */
export type FannedOut = { kind: "done" } | { kind: "ended" } | { kind: "later"; delayMs: number; lane: Lane };

export type FanOutNotice = (job: NoticeJob) => Promise<FannedOut>;

/** What keeps a locked notice from its next window; null: nothing. */
export const obstacleOf = ({ status, fannedOutAt, lane, dueInMs, unsettled }: NoticeToFanOut): FannedOut | null => {
  if (status !== "planned" && status !== "sending") return { kind: "ended" };
  if (fannedOutAt) return { kind: "done" };
  if (dueInMs > 0) return { kind: "later", delayMs: dueInMs, lane };
  return unsettled ? { kind: "later", delayMs: UNSETTLED_MS, lane } : null;
};

export type FanOutParts = {
  ledger: Ledger;
  queues: Queues;
  /** Resolves when nothing urgent has just been told of. */
  untilQuiet: () => Promise<void>;
  log: Log;
};

type Step = FannedOut | { kind: "more"; lane: Lane };

/**
 * Makes a delivery per endpoint, window by window: each is one commit that also moves the notice's cursor, followed by
 * one job per chunk. Killed anywhere, it goes on from the cursor; run twice, it inserts nothing twice.
 *
 * A fan-out never floods the queue: while the senders have enough to do it makes ten windows a second, and goes on from its
 * cursor. It never stops for them: a channel without a sender must not keep the other from being told.
 * Each window looks at the notice anew under its row's lock, so a superseded notice stops between two windows.
 */
export const makeFanOutNotice = ({ ledger, queues, untilQuiet, log }: FanOutParts): FanOutNotice => {
  return async ({ notice: id }) => {
    const begunAt = performance.now();
    let covered = 0;
    let deliveries = 0;
    let lane: Lane = "urgent";

    const isBusy = async (lane: Lane): Promise<boolean> => {
      const waiting = await Promise.all(
        CHANNELS.map((channel) => queues.get(chunkQueue(channel, lane)).getWaitingCount()),
      );
      return Math.max(...waiting) > MOST_QUEUED;
    };

    const step = async (): Promise<Step> => {
      const window = await inTransaction(ledger.pools[lane], async (sql, last) => {
        const notice = await lockNotice(sql, id);
        if (!notice) return { kind: "ended" } as const;
        const obstacle = obstacleOf(notice);
        if (obstacle) return obstacle;
        const { lane } = notice;
        const size = notice.cursor === 0 ? FIRST_WINDOW[lane] : Math.min(covered * GROWTH || WINDOW, WINDOW);
        return { kind: "window", size, lane, made: last(fanOutWindow(sql, notice, size)) } as const;
      });
      if (window.kind !== "window") return window;
      const made = await window.made;
      lane = window.lane;
      covered += made.covered;
      deliveries += made.deliveries;
      await queueChunks(queues, made.chunks);
      return made.covered < window.size ? { kind: "done" } : { kind: "more", lane };
    };

    for (;;) {
      const result = await step();
      if (result.kind === "more") {
        if (await isBusy(result.lane)) return { kind: "later", delayMs: PAUSE_MS, lane };
        if (result.lane === "routine") await untilQuiet();
        continue;
      }
      if (covered > 0)
        log.info(
          { notice: id, lane, endpoints: covered, deliveries, ms: Math.round(performance.now() - begunAt) },
          "notice fanned out",
        );
      return result;
    }
  };
};
