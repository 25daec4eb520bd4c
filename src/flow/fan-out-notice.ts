import type { Lane } from "../domain/category.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { fanOutWindow, lockNotice } from "../ledger/fan-out.ts";
import type { Log } from "../log.ts";
import type { NoticeJob, Queues } from "../queue/queues.ts";
import { queueChunks } from "./queue-chunks.ts";

/** Endpoints a window covers in one commit; the first urgent one is small, so that its first senders start at once. */
const WINDOW = 10_000;
const FIRST_URGENT_WINDOW = 1_000;

/** `early`: by the database's clock the notice is due only in `dueInMs`. */
export type FannedOut = { kind: "done" } | { kind: "ended" } | { kind: "early"; dueInMs: number };

export type FanOutNotice = (job: NoticeJob) => Promise<FannedOut>;

type Parts = { ledger: Ledger; queues: Queues; log: Log };

type Step = FannedOut | { kind: "more" };

/**
 * Makes a delivery per endpoint, window by window: each is one commit that also moves the notice's cursor, followed by
 * one job per chunk. Killed anywhere, it goes on from the cursor; run twice, it inserts nothing twice.
 *
 * Each window looks at the notice anew under its row's lock, so a superseded notice stops between two windows.
 */
export const makeFanOutNotice = ({ ledger, queues, log }: Parts): FanOutNotice => {
  return async ({ notice: id }) => {
    const begunAt = performance.now();
    let covered = 0;
    let deliveries = 0;
    let lane: Lane = "urgent";

    const step = async (): Promise<Step> => {
      const window = await inTransaction(ledger.pools[lane], async (sql) => {
        const notice = await lockNotice(sql, id);
        if (!notice || (notice.status !== "planned" && notice.status !== "sending")) return { kind: "ended" } as const;
        if (notice.fannedOutAt) return { kind: "done" } as const;
        if (notice.dueInMs > 0) return { kind: "early", dueInMs: notice.dueInMs } as const;
        const size = notice.lane === "urgent" && notice.cursor === 0 ? FIRST_URGENT_WINDOW : WINDOW;
        return { kind: "window", size, notice, ...(await fanOutWindow(sql, notice, size)) } as const;
      });
      if (window.kind !== "window") return window;
      lane = window.notice.lane;
      covered += window.covered;
      deliveries += window.deliveries;
      await queueChunks(queues, window.chunks);
      return window.covered < window.size ? { kind: "done" } : { kind: "more" };
    };

    for (;;) {
      const result = await step();
      if (result.kind === "more") continue;
      if (covered > 0 || result.kind === "done")
        log.info(
          { notice: id, lane, endpoints: covered, deliveries, ms: Math.round(performance.now() - begunAt) },
          "notice fanned out",
        );
      return result;
    }
  };
};
