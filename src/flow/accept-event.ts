import type { Lane } from "../domain/category.ts";
import { FIRST_REVISION } from "../domain/change.ts";
import { readEvent } from "../domain/event.ts";
import type { Policy } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Problem } from "../errors.ts";
import { isUniqueViolation, type Ledger } from "../ledger/connection.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import { type PlanJob, planJobId, planQueue, type Queues } from "../queue/queues.ts";
import { makeStreak } from "../streak.ts";
import { type EventAnswer, refusedFor } from "./decide-event.ts";
import { dueAtOnce, nextFanOut, noticeWords } from "./plan-notices.ts";
import { makeRecordEvent } from "./record-event.ts";

export type Accepted =
  | { kind: "accepted"; answer: EventAnswer; duplicate: boolean }
  | { kind: "refused"; problem: Problem };

/** Accepts one parsed (not yet validated) CloudEvents envelope; throws only when the ledger cannot be reached. */
export type AcceptEvent = (envelope: unknown) => Promise<Accepted>;

/** A Redis that stands still without closing its connection keeps an emitter waiting no longer than this. */
const QUEUE_PATIENCE_MS = 2_000;

type Parts = { ledger: Ledger; queues: Queues; policy: Policy; outages: Outages; log: Log };

/**
 * Validates an event and records it (`record-event.ts`); then queues the planning. The promise begins when this resolves.
 *
 * A job that cannot be queued is no loss: the revision is stored as unplanned, or its notices are open, and the reconciler
 * queues what is missing. Later revisions are left to the planner, which may have to wait for a fan-out that it ends.
 */
export const makeAcceptEvent = ({ ledger, queues, policy, outages, log }: Parts): AcceptEvent => {
  const record = makeRecordEvent({ ledger, policy });
  const streak = makeStreak();

  /** Redis left a job without an answer. The emitter of the next one does not wait until there is one again. */
  let isSilent = false;

  /** What is added after the patience has ended does no harm: planned twice, it is planned once. */
  const addWithin = async (add: () => Promise<void>): Promise<void> => {
    // A connection that was never made would keep the emitter waiting for as long as Redis is away.
    if (!queues.areOpen()) throw new Error("Redis cannot be reached");
    const { promise: patience, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      isSilent = true;
      reject(new Error(`Redis did not answer within ${QUEUE_PATIENCE_MS} ms`));
    };
    const answered = add().then(() => {
      isSilent = false;
    });
    const timer = setTimeout(giveUp, isSilent ? 0 : QUEUE_PATIENCE_MS);
    try {
      await Promise.race([answered, patience]);
    } finally {
      clearTimeout(timer);
    }
  };

  const addPlan = (lane: Lane, job: PlanJob): Promise<void> =>
    queues.addSoon(planQueue(lane), [{ name: "plan", data: job, opts: { jobId: planJobId(job) } }]);

  const addPlanning = ({ change, plan, lane }: Revision): Promise<void> => {
    const job = { change: change.change, revision: change.revision };
    if (change.revision !== FIRST_REVISION) return addPlan(lane, job);
    if (lane === "routine") return queues.addCreations([change.change]);
    return addPlan(lane, { ...job, due: dueAtOnce(plan, change.firstAcceptedAt) });
  };

  const queuePlanning = async (revision: Revision): Promise<void> => {
    const { change } = revision;
    const job = { change: change.change, revision: change.revision };
    try {
      await addWithin(() => addPlanning(revision));
      streak.worked();
    } catch (error) {
      const level = !outages.explain(error, "queueing of plans") && streak.failed(error) ? "warn" : "debug";
      log[level]({ err: error, ...job }, "planning could not be queued; the reconciler will queue it");
    }
  };

  const accept = async (envelope: unknown): Promise<Accepted> => {
    const begunAt = performance.now();
    const read = readEvent(envelope);
    if ("faults" in read) return refusedFor(read.faults, read.problem);
    const recorded = await record({ event: read.event, envelope });
    if (recorded.kind === "refused") return recorded;
    const { revision, ...accepted } = recorded;
    const { answer, duplicate } = accepted;
    const { change, status, notices, verdict } = answer;
    const queued = revision && queuePlanning(revision);
    if (revision?.lane === "urgent") await queued;
    // A creation's notices are stored with it: one line tells of both.
    const planned = revision?.change.revision === FIRST_REVISION ? revision : null;
    log.info(
      {
        change,
        revision: answer.revision,
        status,
        category: revision?.change.fields.category,
        lane: revision?.lane,
        verdict: verdict?.status,
        notices: notices.length,
        planned: planned ? noticeWords(planned.plan) : undefined,
        next: planned ? nextFanOut(planned.plan, planned.change.firstAcceptedAt) : undefined,
        // Who puts events on the queue reads no answer.
        outdated: answer.outdated?.map(({ field }) => field),
        duplicate,
        ms: Math.round(performance.now() - begunAt),
      },
      "event accepted",
    );
    return accepted;
  };

  return async (envelope) => {
    try {
      return await accept(envelope);
    } catch (error) {
      // Another process recorded the same identity for another change in between: now it is a duplicate or a conflict.
      if (isUniqueViolation(error)) return accept(envelope);
      throw error;
    }
  };
};
