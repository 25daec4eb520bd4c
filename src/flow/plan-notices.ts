import { releaseInstant } from "../domain/calendar.ts";
import { type Plan, planNotices } from "../domain/plan.ts";
import { findRevision, lockChange, markPlanned } from "../ledger/changes.ts";
import { inTransaction, type Ledger, type Sql } from "../ledger/connection.ts";
import { insertNotices, openNoticesOf, supersedeEarlier } from "../ledger/notices.ts";
import type { Log } from "../log.ts";
import type { PlanJob, Queues } from "../queue/queues.ts";
import type { FanOutNotice } from "./fan-out-notice.ts";
import { queueNotices } from "./queue-notices.ts";

type Parts = { ledger: Ledger; queues: Queues; fanOutNotice: FanOutNotice; log: Log };

export type PlanNotices = (job: PlanJob) => Promise<void>;

/** The plan and how many earlier notices it ended; null when the revision was planned before, or never was. */
type Planned = { plan: Plan; superseded: number } | null;

/**
 * Plans a revision: stores its notices and ends what earlier revisions still had to say, in one commit; then queues one
 * delayed job per notice and fans out by itself what is due at once.
 *
 * The plan is computed anew from what was committed, so it is the one that the emitter was answered. Planning again
 * plans nothing, and takes up what a killed process left unqueued; an outdated revision is stored `superseded`.
 */
export const makePlanNotices = ({ ledger, queues, fanOutNotice, log }: Parts): PlanNotices => {
  const pool = ledger.pools.urgent;

  const store = async (sql: Sql, job: PlanJob): Promise<Planned> => {
    await lockChange(sql, job.change);
    const revision = await findRevision(sql, job.change, job.revision);
    if (!revision || revision.plannedAt) return null;
    const { state: change, previous, differs, minor, policy } = revision;
    const plan = planNotices({
      change,
      previous,
      differs,
      minor,
      acceptedAt: revision.acceptedAt.toISOString(),
      policy,
    });
    const { releaseAt } = change.fields;
    await insertNotices(sql, {
      change: job.change,
      revision: job.revision,
      releaseAt: releaseAt === undefined ? null : releaseInstant(releaseAt, policy.timeZone).toISOString(),
      notices: plan.notices,
      superseded: job.revision < revision.latest,
    });
    const ending = change.status === "cancelled" ? "cancelled" : "superseded";
    const superseded = await supersedeEarlier(sql, job.change, job.revision, ending);
    await markPlanned(sql, job.change, job.revision);
    return { plan, superseded };
  };

  return async (job) => {
    const begunAt = performance.now();
    const planned = await inTransaction(pool, (sql) => store(sql, job));
    const open = await openNoticesOf(pool, job.change, job.revision);
    const ahead = open.filter((notice) => notice.dueInMs > 0);
    await queueNotices(queues, ahead);
    if (planned)
      log.info(
        {
          ...job,
          verdict: planned.plan.verdict.status,
          notices: planned.plan.notices.map((notice) => `${notice.kind}${notice.offset ?? ""}:${notice.status}`),
          next: ahead[0]?.fanOutAt,
          superseded: planned.superseded,
          ms: Math.round(performance.now() - begunAt),
        },
        "notices planned",
      );
    for (const notice of open.filter((one) => one.dueInMs <= 0)) await fanOutNotice({ notice: notice.id });
  };
};
