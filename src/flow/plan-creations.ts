import type { Ledger } from "../ledger/connection.ts";
import { type OpenNotice, openNoticesOf } from "../ledger/notices.ts";
import type { Log } from "../log.ts";
import type { CreationsJob, Queues } from "../queue/queues.ts";
import type { FanOutTogether } from "./fan-out-together.ts";
import { queueNotices } from "./queue-notices.ts";

type Parts = { ledger: Ledger; queues: Queues; fanOutTogether: FanOutTogether; log: Log };

export type PlanCreations = (job: CreationsJob) => Promise<void>;

/**
 * Takes up creations of the routine lane, whose notices were stored as they were accepted: fans out together what is due at once,
 * and queues one delayed job for each other open notice.
 *
 * Whatever could not be fanned out together gets its own job as well, due at once: one bad notice hinders no other, and what a killed
 * process left comes back as any open notice does. Done twice, it finds nothing left to do.
 */
export const makePlanCreations = ({ ledger, queues, fanOutTogether, log }: Parts): PlanCreations => {
  const fanOut = async (due: readonly OpenNotice[]): Promise<void> => {
    const whole = await fanOutTogether(due.map(({ id }) => id)).catch((error: unknown): ReadonlySet<string> => {
      log.debug({ err: error, notices: due.length }, "notices could not be fanned out together");
      return new Set();
    });
    const rest = due.filter(({ id }) => !whole.has(id));
    await queueNotices(queues, rest);
  };

  return async ({ creations }) => {
    const open = await openNoticesOf(ledger.pools.routine, creations);
    const isDue = ({ lane, dueInMs }: OpenNotice): boolean => lane === "routine" && dueInMs <= 0;
    const [due, others] = [open.filter(isDue), open.filter((notice) => !isDue(notice))];
    await Promise.all([fanOut(due), queueNotices(queues, others)]);
  };
};
