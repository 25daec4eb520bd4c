import { setTimeout as wait } from "node:timers/promises";
import { releaseInstant } from "../domain/calendar.ts";
import { type Plan, planNotices } from "../domain/plan.ts";
import { FIRST_REVISION } from "../domain/change.ts";
import { lockChange, markPlanned, type RevisionToPlan, revisionsToPlan } from "../ledger/changes.ts";
import { inTransaction, type Last, type Ledger, type Sql } from "../ledger/connection.ts";
import { endEarlierNotices, insertNotices, openNoticesOf } from "../ledger/notices.ts";
import type { Log } from "../log.ts";
import type { PlanJob, Queues } from "../queue/queues.ts";
import type { FanOutNotice } from "./fan-out-notice.ts";
import { queueNotices } from "./queue-notices.ts";

type Parts = { ledger: Ledger; queues: Queues; fanOutNotice: FanOutNotice; log: Log };

export type PlanNotices = (job: PlanJob) => Promise<void>;

/**
 * What an emergency's job says is due goes first, and alone. To look up and queue the rest takes a few statements and jobs: beside
 * the fan-out they made the first POST a millisecond later, and beside the sender's taking of the chunk half a millisecond.
 */
const HEAD_START_MS = 15;

/** Of a plan that was made at `acceptedAt`, the notices that were due then. */
export const dueAtOnce = ({ notices }: Plan, acceptedAt: string): string[] =>
  notices.filter(({ status, fanOutAt }) => status === "planned" && fanOutAt <= acceptedAt).map(({ id }) => id);

/** What was stored of one revision, for its log line. */
type Stored = { revision: number; acceptedAt: string; plan: Plan; ended: number };

/** Each notice of a plan with its state, as the log has it. */
export const noticeWords = ({ notices }: Plan): string[] =>
  notices.map((notice) => `${notice.kind}${notice.offset ?? ""}:${notice.status}`);

/** When the first of a plan's notices fans out that was not due as it was made. */
export const nextFanOut = ({ notices }: Plan, acceptedAt: string): string | undefined =>
  notices.find(({ status, fanOutAt }) => status === "planned" && fanOutAt > acceptedAt)?.fanOutAt;

/** The log line of a revision whose notices are stored. */
const planLine = ({ revision, acceptedAt, plan, ended }: Stored) => ({
  revision,
  verdict: plan.verdict.status,
  notices: noticeWords(plan),
  next: nextFanOut(plan, acceptedAt),
  superseded: ended,
});

/**
 * Plans what is not planned yet of a change: stores each revision's notices, oldest revision first, and ends what the
 * ones before still had to say as far as it takes their place, all in one commit; then queues one delayed job per open
 * notice and fans out by itself what is due at once. The first revision's notices were stored as it was accepted; an
 * emergency's job says which of them are due, and those are fanned out before anything else.
 *
 * The plan is computed anew from what was committed, so it is the one that the emitter was answered. Planning again
 * stores nothing, and takes up what a killed process left unqueued.
 */
export const makePlanNotices = ({ ledger, queues, fanOutNotice, log }: Parts): PlanNotices => {
  const pool = ledger.pools.urgent;

  const store = async (sql: Sql, last: Last, change: string, it: RevisionToPlan): Promise<Stored> => {
    const { revision, state, policy } = it;
    const acceptedAt = it.acceptedAt.toISOString();
    const plan = planNotices({ ...it, change: state, acceptedAt });
    const { releaseAt } = state.fields;
    const date = releaseAt === undefined ? null : releaseInstant(releaseAt, policy.timeZone).toISOString();
    void last(insertNotices(sql, { change, revision, releaseAt: date, notices: plan.notices }));
    void last(markPlanned(sql, change, revision));
    const status = state.status === "cancelled" ? "cancelled" : "superseded";
    const ended = await endEarlierNotices(sql, { change, revision, supersedes: plan.supersedes, acceptedAt, status });
    return { revision, acceptedAt, plan, ended };
  };

  const storeAll = async (sql: Sql, last: Last, change: string): Promise<Stored[]> => {
    const [, revisions] = await Promise.all([lockChange(sql, change), revisionsToPlan(sql, change)]);
    const stored: Stored[] = [];
    for (const revision of revisions) stored.push(await store(sql, last, change, revision));
    return stored;
  };

  const fanOut = async (due: readonly string[]): Promise<void> => {
    for (const id of due) {
      const result = await fanOutNotice({ notice: id });
      if (result.kind === "later") await queueNotices(queues, [{ id, lane: result.lane, dueInMs: result.delayMs }]);
    }
  };

  const storeAndQueue = async ({ change, revision, due: known = [] }: PlanJob): Promise<void> => {
    const begunAt = performance.now();
    const isStored = revision === FIRST_REVISION;
    const stored = isStored ? [] : await inTransaction(pool, (sql, last) => storeAll(sql, last, change));
    const open = (await openNoticesOf(pool, [change])).filter(({ id }) => !known.includes(id));
    const due = open.filter(({ dueInMs }) => dueInMs <= 0).map(({ id }) => id);
    const ahead = open.filter(({ dueInMs }) => dueInMs > 0);
    const ms = Math.round(performance.now() - begunAt);
    for (const one of stored) log.info({ change, ...planLine(one), ms }, "notices planned");
    // What is due does not wait for Redis to take the rest.
    await Promise.all([fanOut(due), queueNotices(queues, ahead)]);
  };

  return async (job) => {
    const { due = [] } = job;
    await fanOut(due);
    if (due.length > 0) await wait(HEAD_START_MS);
    await storeAndQueue(job);
  };
};
