import { createHash } from "node:crypto";
import type { Lane } from "../domain/category.ts";
import { FIRST_REVISION } from "../domain/change.ts";
import { type ChangeEvent, EVENT_TYPE_PREFIX, readEvent } from "../domain/event.ts";
import { canonicalJson, type Policy, policyHash } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Problem } from "../errors.ts";
import { insertAcceptedEvent, insertHeldEvent, readEventFacts } from "../ledger/accepted-events.ts";
import { lockChange } from "../ledger/changes.ts";
import { inTransaction, isUniqueViolation, type Last, type Ledger, type Sql } from "../ledger/connection.ts";
import { releaseHeldEvents } from "../ledger/events.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import { type PlanJob, planJobId, planQueue, type Queues } from "../queue/queues.ts";
import { makeStreak } from "../streak.ts";
import { dueAtOnce, nextFanOut, noticeWords } from "./plan-notices.ts";
import { conflictOf, decideEvent, type EventAnswer, refusedFor } from "./decide-event.ts";

export type Accepted =
  | { kind: "accepted"; answer: EventAnswer; duplicate: boolean }
  | { kind: "refused"; problem: Problem };

/** Accepts one parsed (not yet validated) CloudEvents envelope; throws only when the ledger cannot be reached. */
export type AcceptEvent = (envelope: unknown) => Promise<Accepted>;

/** What was recorded, with the revision that is now to be planned (null: none). */
type Recorded =
  | (Extract<Accepted, { kind: "accepted" }> & { revision: Revision | null })
  | Extract<Accepted, { kind: "refused" }>;

/** An envelope, and what was read in it. */
type Read = { envelope: unknown; event: ChangeEvent };

/** SHA-256 of the envelope, the same whatever the order of its keys. */
export const envelopeHash = (envelope: unknown): Buffer =>
  createHash("sha256").update(canonicalJson(envelope)).digest();

/** A Redis that stands still without closing its connection keeps an emitter waiting no longer than this. */
const QUEUE_PATIENCE_MS = 2_000;

type Parts = { ledger: Ledger; queues: Queues; policy: Policy; outages: Outages; log: Log };

/**
 * Validates an event and, in one commit, locks its change, records it by `source` and `id`, assigns the revision and
 * stores the verdict, and of a creation the notices; then queues the planning. The promise begins when this resolves.
 *
 * A job that cannot be queued is no loss: the revision is stored as unplanned, or its notices are open, and the reconciler
 * queues what is missing. Later revisions are left to the planner, which may have to wait for a fan-out that it ends.
 */
export const makeAcceptEvent = ({ ledger, queues, policy, outages, log }: Parts): AcceptEvent => {
  const hash = policyHash(policy);
  const streak = makeStreak();

  const record = async (sql: Sql, last: Last, { event, envelope }: Read): Promise<Recorded> => {
    const { source, id, change } = event;
    const reading = Promise.all([lockChange(sql, change), readEventFacts(sql, event, hash)]);
    // While PostgreSQL reads.
    const bodyHash = envelopeHash(envelope);
    const [, facts] = await reading;
    const { known, now: acceptedAt } = facts;
    if (known && !known.bodyHash.equals(bodyHash))
      return conflictOf(
        "id",
        `an event with source ${source} and id ${id} was accepted with another body; give each event an id of its own`,
      );
    if (known) return { kind: "accepted", answer: known.answer as EventAnswer, duplicate: true, revision: null };

    const decision = decideEvent(event, facts, { policy, acceptedAt });
    if (decision.kind === "refused") return decision;
    const { answer } = decision;
    const type = EVENT_TYPE_PREFIX + event.kind;
    const kept = { source, id, type, change, bodyHash, envelope, acceptedAt, answer };
    if (decision.kind === "held") {
      void last(insertHeldEvent(sql, kept));
      return { kind: "accepted", answer, duplicate: false, revision: null };
    }
    const { revision, heldNos } = decision;
    if (heldNos.length > 0) void last(releaseHeldEvents(sql, heldNos, revision.change.revision));
    const notices = revision.change.revision === FIRST_REVISION ? revision.plan.notices : null;
    const newPolicy = facts.policyIsKept ? null : policy;
    void last(insertAcceptedEvent(sql, { event: kept, revision, policyHash: hash, policy: newPolicy, notices }));
    return { kind: "accepted", answer, duplicate: false, revision };
  };

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
    const { event } = read;
    const recorded = await inTransaction(ledger.pools.urgent, (sql, last) => record(sql, last, { event, envelope }));
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
