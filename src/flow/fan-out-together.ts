import { inTransaction } from "../ledger/connection.ts";
import { fanOutWindow, lockFreeNotices } from "../ledger/fan-out.ts";
import { type FanOutParts, obstacleOf, WINDOW } from "./fan-out-notice.ts";
import { queueChunks } from "./queue-chunks.ts";

/** Of these notices of the routine lane; answers those that are fanned out whole. */
export type FanOutTogether = (ids: readonly string[]) => Promise<ReadonlySet<string>>;

/**
 * Makes one window of each notice, all in one commit, followed by one job per chunk: at 200 events a second a job and a
 * transaction for each took the scheduler twice the CPU, and PostgreSQL a quarter more. The windows together cover no more endpoints than
 * one notice's window does.
 *
 * Left to their own jobs are those that have more endpoints, that somebody else has locked, and that do not tell everybody: whom
 * they tell depends on what is in a sender's hand. Where one fails nothing is committed of any.
 */
export const makeFanOutTogether = ({ ledger, queues, untilQuiet, log }: FanOutParts): FanOutTogether => {
  return async (ids) => {
    if (ids.length === 0) return new Set();
    await untilQuiet();
    const begunAt = performance.now();
    const begun = await inTransaction(ledger.pools.routine, async (sql, last) => {
      const free = await lockFreeNotices(sql, ids);
      const ready = free.filter((notice) => notice.audience === "all" && obstacleOf(notice) === null);
      const size = Math.max(1, Math.floor(WINDOW / ready.length));
      return ready.map((notice) => ({ id: notice.id, size, made: last(fanOutWindow(sql, notice, size)) }));
    });
    const windows = await Promise.all(begun.map(async ({ id, size, made }) => ({ id, size, ...(await made) })));
    await queueChunks(
      queues,
      windows.flatMap(({ chunks }) => chunks),
    );
    const ms = Math.round(performance.now() - begunAt);
    for (const { id, covered, deliveries } of windows)
      if (covered > 0)
        log.info({ notice: id, lane: "routine", endpoints: covered, deliveries, ms }, "notice fanned out");
    return new Set(windows.flatMap(({ id, size, covered }) => (covered < size ? [id] : [])));
  };
};
