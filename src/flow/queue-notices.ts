import { LANES } from "../domain/category.ts";
import type { OpenNotice } from "../ledger/notices.ts";
import { noticeJobId, noticeQueue, type Queues } from "../queue/queues.ts";

/**
 * Adds one delayed job per notice, in pipelines of a thousand; a notice that is queued already stays as it is. Routine ones go
 * together with those of other changes.
 */
export const queueNotices = async (
  queues: Queues,
  notices: readonly Pick<OpenNotice, "id" | "lane" | "dueInMs">[],
): Promise<void> => {
  for (const lane of LANES) {
    const jobs = notices
      .filter((notice) => notice.lane === lane)
      .map((notice) => ({
        name: "notice",
        data: { notice: notice.id },
        opts: { jobId: noticeJobId({ notice: notice.id }), delay: Math.max(0, notice.dueInMs) },
      }));
    for (let from = 0; from < jobs.length; from += 1_000)
      await queues.addSoon(noticeQueue(lane), jobs.slice(from, from + 1_000));
  }
};
