import { createHash } from "node:crypto";
import type { Lane } from "../domain/category.ts";
import { EVENT_TYPE_PREFIX, readEvent } from "../domain/event.ts";
import { canonicalJson, type Policy, policyHash } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Problem } from "../errors.ts";
import { insertRevision, keepPolicy, lockChange, readClock } from "../ledger/changes.ts";
import { inTransaction, isUniqueViolation, type Ledger, type Sql } from "../ledger/connection.ts";
import { findEvent, insertEvent, releaseHeldEvents } from "../ledger/events.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import { type PlanJob, planJobId, planQueue, type Queues } from "../queue/queues.ts";
import { makeStreak } from "../streak.ts";
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

/** SHA-256 of the envelope, the same whatever the order of its keys. */
export const envelopeHash = (envelope: unknown): Buffer =>
  createHash("sha256").update(canonicalJson(envelope)).digest();

/** A Redis that stands still without closing its connection keeps an emitter waiting no longer than this. */
const QUEUE_PATIENCE_MS = 2_000;

type Parts = { ledger: Ledger; queues: Queues; policy: Policy; outages: Outages; log: Log };

/**
 * Validates an event and, in one commit, locks its change, records it by `source` and `id`, assigns the revision and
 * stores the verdict; then queues the planning. The promise begins when this resolves.
 *
 * A job that cannot be queued is no loss: the revision is stored as unplanned, and the reconciler queues it.
 */
export const makeAcceptEvent = ({ ledger, queues, policy, outages, log }: Parts): AcceptEvent => {
  const hash = policyHash(policy);
  const streak = makeStreak();

  const record = async (sql: Sql, envelope: unknown): Promise<Recorded> => {
    const read = readEvent(envelope);
    if ("faults" in read) return refusedFor(read.faults, read.problem);
    const { event } = read;
    const bodyHash = envelopeHash(envelope);
    await lockChange(sql, event.change);
    const known = await findEvent(sql, event.source, event.id);
    if (known && !known.bodyHash.equals(bodyHash))
      return conflictOf(
        "id",
        `an event with source ${event.source} and id ${event.id} was accepted with another body; give each event an id of its own`,
      );
    if (known) return { kind: "accepted", answer: known.answer as EventAnswer, duplicate: true, revision: null };

    const acceptedAt = await readClock(sql);
    const decision = await decideEvent(sql, event, { policy, acceptedAt });
    if (decision.kind === "refused") return decision;
    const revision = decision.kind === "revised" ? decision.revision : null;
    const no = await insertEvent(sql, {
      source: event.source,
      id: event.id,
      type: EVENT_TYPE_PREFIX + event.kind,
      change: event.change,
      bodyHash,
      envelope,
      status: revision ? "accepted" : "held",
      acceptedAt,
      revision: revision?.change.revision ?? null,
      answer: decision.answer,
    });
    if (decision.kind === "revised") {
      await keepPolicy(sql, hash, policy);
      await releaseHeldEvents(sql, decision.heldNos, decision.revision.change.revision);
      await insertRevision(sql, { ...decision.revision, event: no, acceptedAt, policyHash: hash });
    }
    return { kind: "accepted", answer: decision.answer, duplicate: false, revision };
  };

  /** Redis left a job without an answer. The emitter of the next one does not wait until there is one again. */
  let isSilent = false;

  /** What is added after the patience has ended does no harm: the job's id is derived. */
  const addWithin = async (lane: Lane, job: PlanJob): Promise<void> => {
    // A connection that was never made would keep the emitter waiting for as long as Redis is away.
    if (!queues.areOpen()) throw new Error("Redis cannot be reached");
    const { promise: patience, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => {
      isSilent = true;
      reject(new Error(`Redis did not answer within ${QUEUE_PATIENCE_MS} ms`));
    };
    const added = queues.get(planQueue(lane)).add("plan", job, { jobId: planJobId(job) });
    const answered = added.then(() => {
      isSilent = false;
    });
    const timer = setTimeout(giveUp, isSilent ? 0 : QUEUE_PATIENCE_MS);
    try {
      await Promise.race([answered, patience]);
    } finally {
      clearTimeout(timer);
    }
  };

  const queuePlanning = async ({ change, lane }: Revision): Promise<void> => {
    const job = { change: change.change, revision: change.revision };
    try {
      await addWithin(lane, job);
      streak.worked();
    } catch (error) {
      const level = !outages.explain(error, "queueing of plans") && streak.failed(error) ? "warn" : "debug";
      log[level]({ err: error, ...job }, "planning could not be queued; the reconciler will queue it");
    }
  };

  const accept = async (envelope: unknown): Promise<Accepted> => {
    const begunAt = performance.now();
    const recorded = await inTransaction(ledger.pools.urgent, (sql) => record(sql, envelope));
    if (recorded.kind === "refused") return recorded;
    const { revision, ...accepted } = recorded;
    if (revision) await queuePlanning(revision);
    log.info(
      {
        change: accepted.answer.change,
        revision: accepted.answer.revision,
        status: accepted.answer.status,
        category: revision?.change.fields.category,
        lane: revision?.lane,
        verdict: accepted.answer.verdict?.status,
        notices: accepted.answer.notices.length,
        duplicate: accepted.duplicate,
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
