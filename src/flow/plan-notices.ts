import { releaseInstant } from "../domain/calendar.ts";
import { planNotices } from "../domain/plan.ts";
import { findRevision, lockChange, markPlanned } from "../ledger/changes.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { insertNotices, type QueuedNotice, supersedeEarlier } from "../ledger/notices.ts";
import type { Log } from "../log.ts";
import type { PlanJob, Queues } from "../queue/queues.ts";
import type { FanOutNotice } from "./fan-out-notice.ts";
import { queueNotices } from "./queue-notices.ts";

type Parts = { ledger: Ledger; queues: Queues; fanOutNotice: FanOutNotice; log: Log };

export type PlanNotices = (job: PlanJob) => Promise<void>;

/**
 * Plans a revision: stores its notices, ends what earlier revisions still had to say, all in one commit; then queues one
 * delayed job per notice and fans out by itself what is due at once.
 *
 * The plan is computed anew from what was committed, so it is the one that the emitter was answered. Planning a revision
 * again does nothing; one that is no longer the latest is stored `superseded`.
 */
export const makePlanNotices =
  ({ ledger, queues, fanOutNotice, log }: Parts): PlanNotices =>
  async (job) => {
    const begunAt = performance.now();
    const planned = await inTransaction(ledger.pools.urgent, async (sql) => {
      await lockChange(sql, job.change);
      const revision = await findRevision(sql, job.change, job.revision);
      if (!revision || revision.plannedAt) return null;
      const { state: change, policy } = revision;
      const plan = planNotices({
        change,
        previous: revision.previous,
        differs: revision.differs,
        minor: revision.minor,
        acceptedAt: revision.acceptedAt.toISOString(),
        policy,
      });
      const queued = await insertNotices(sql, {
        change: job.change,
        revision: job.revision,
        releaseAt:
          change.fields.releaseAt === undefined
            ? null
            : releaseInstant(change.fields.releaseAt, policy.timeZone).toISOString(),
        notices: plan.notices,
        superseded: job.revision < revision.latest,
      });
      const ended = await supersedeEarlier(
        sql,
        job.change,
        job.revision,
        change.status === "cancelled" ? "cancelled" : "superseded",
      );
      await markPlanned(sql, job.change, job.revision);
      return { plan, queued, ended };
    });
    if (!planned) return;

    const isDue = (notice: QueuedNotice): boolean => notice.dueInMs <= 0;
    const due = planned.queued.filter(isDue);
    await queueNotices(
      queues,
      planned.queued.filter((notice) => !isDue(notice)),
    );
    log.info(
      {
        change: job.change,
        revision: job.revision,
        verdict: planned.plan.verdict.status,
        notices: planned.plan.notices.map((notice) => `${notice.kind}${notice.offset ?? ""}:${notice.status}`),
        next: planned.queued.find((notice) => !isDue(notice))?.fanOutAt,
        superseded: planned.ended,
        ms: Math.round(performance.now() - begunAt),
      },
      "notices planned",
    );
    for (const notice of due) await fanOutNotice({ notice: notice.id });
  };
