import { releaseInstant } from "../domain/calendar.ts";
import { type Plan, planNotices } from "../domain/plan.ts";
import { lockChange, markPlanned, type RevisionToPlan, revisionsToPlan } from "../ledger/changes.ts";
import { inTransaction, type Ledger, type Sql } from "../ledger/connection.ts";
import { endEarlierNotices, insertNotices, openNoticesOf } from "../ledger/notices.ts";
import type { Log } from "../log.ts";
import type { PlanJob, Queues } from "../queue/queues.ts";
import type { FanOutNotice } from "./fan-out-notice.ts";
import { queueNotices } from "./queue-notices.ts";

type Parts = { ledger: Ledger; queues: Queues; fanOutNotice: FanOutNotice; log: Log };

export type PlanNotices = (job: PlanJob) => Promise<void>;

/** What was stored of one revision, for its log line. */
type Stored = { revision: number; plan: Plan; ended: number };

/**
 * Plans what is not planned yet of a change: stores each revision's notices, oldest revision first, and ends what the
 * ones before still had to say as far as it takes their place, all in one commit; then queues one delayed job per open
 * notice and fans out by itself what is due at once.
 *
 * The plan is computed anew from what was committed, so it is the one that the emitter was answered. Planning again
 * stores nothing, and takes up what a killed process left unqueued.
 */
export const makePlanNotices = ({ ledger, queues, fanOutNotice, log }: Parts): PlanNotices => {
  const pool = ledger.pools.urgent;

  const store = async (sql: Sql, change: string, it: RevisionToPlan): Promise<Stored> => {
    const acceptedAt = it.acceptedAt.toISOString();
    const plan = planNotices({ ...it, change: it.state, acceptedAt });
    const { releaseAt } = it.state.fields;
    await insertNotices(sql, {
      change,
      revision: it.revision,
      releaseAt: releaseAt === undefined ? null : releaseInstant(releaseAt, it.policy.timeZone).toISOString(),
      notices: plan.notices,
    });
    const ended = await endEarlierNotices(sql, {
      change,
      revision: it.revision,
      supersedes: plan.supersedes,
      acceptedAt,
      status: it.state.status === "cancelled" ? "cancelled" : "superseded",
    });
    await markPlanned(sql, change, it.revision);
    return { revision: it.revision, plan, ended };
  };

  const storeAll = async (sql: Sql, change: string): Promise<Stored[]> => {
    await lockChange(sql, change);
    const stored: Stored[] = [];
    for (const revision of await revisionsToPlan(sql, change)) stored.push(await store(sql, change, revision));
    return stored;
  };

  return async ({ change }) => {
    const begunAt = performance.now();
    const stored = await inTransaction(pool, (sql) => storeAll(sql, change));
    const open = await openNoticesOf(pool, change);
    const ahead = open.filter((notice) => notice.dueInMs > 0);
    await queueNotices(queues, ahead);
    for (const { revision, plan, ended } of stored)
      log.info(
        {
          change,
          revision,
          verdict: plan.verdict.status,
          notices: plan.notices.map((notice) => `${notice.kind}${notice.offset ?? ""}:${notice.status}`),
          next: ahead[0]?.fanOutAt,
          superseded: ended,
          ms: Math.round(performance.now() - begunAt),
        },
        "notices planned",
      );
    for (const notice of open.filter((one) => one.dueInMs <= 0)) {
      const result = await fanOutNotice({ notice: notice.id });
      if (result.kind === "later") await queueNotices(queues, [{ ...notice, dueInMs: result.delayMs }]);
    }
  };
};
