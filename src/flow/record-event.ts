import { createHash } from "node:crypto";
import type { Category, Lane } from "../domain/category.ts";
import { FIRST_REVISION } from "../domain/change.ts";
import { type ChangeEvent, EVENT_TYPE_PREFIX } from "../domain/event.ts";
import { canonicalJson, laneOf, type Policy, policyHash } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Problem } from "../errors.ts";
import { faultyPart } from "../faulty-part.ts";
import {
  type AcceptedEvent,
  type EventFacts,
  factsOf,
  insertAcceptedEvents,
  insertHeldEvent,
  type NewEvent,
  readEventFacts,
} from "../ledger/accepted-events.ts";
import { lockChange, tryLockChanges } from "../ledger/changes.ts";
import { inTransaction, type Last, type Ledger, type Sql } from "../ledger/connection.ts";
import { releaseHeldEvents } from "../ledger/events.ts";
import { conflictOf, decideEvent, type EventAnswer } from "./decide-event.ts";
import { type GroupCommit, makeGroupCommit } from "./group-commit.ts";

/** An envelope, and what was read in it. */
export type ReadEnvelope = { envelope: unknown; event: ChangeEvent };

/** What was recorded, with the revision that is now to be planned (null: none). */
export type Recorded =
  | { kind: "accepted"; answer: EventAnswer; duplicate: boolean; revision: Revision | null }
  | { kind: "refused"; problem: Problem };

/** What is to be stored of an event, and what is said of it then. */
type Decided = {
  recorded: Recorded;
  held?: NewEvent;
  accepted?: AcceptedEvent;
  /** Events that waited for this one. */
  heldNos?: readonly number[];
};

/** In one commit, records an event by `source` and `id`, assigns the revision and stores the verdict, and of a creation the notices. */
export type RecordEvent = (read: ReadEnvelope) => Promise<Recorded>;

/** SHA-256 of the envelope, the same whatever the order of its keys. */
export const envelopeHash = (envelope: unknown): Buffer =>
  createHash("sha256").update(canonicalJson(envelope)).digest();

/** So many small ones take as long as ten alone, and nobody waits for more than that. */
const MOST_TOGETHER = 50;

type Locks = (sql: Sql, changes: readonly string[]) => Promise<ReadonlySet<string>>;

const waitForLock: Locks = async (sql, changes) => {
  await Promise.all(changes.map((change) => lockChange(sql, change)));
  return new Set(changes);
};

/**
 * Creations are recorded together with those of their lane that come while others are: at 200 events a second most of what an
 * event cost was round trips and a commit of its own. What revises a change goes alone, since it may have to wait for somebody who
 * has that change in hand.
 */
export const makeRecordEvent = ({ ledger, policy }: { ledger: Ledger; policy: Policy }): RecordEvent => {
  const hash = policyHash(policy);
  const pool = ledger.pools.urgent;

  const decide = ({ event, envelope }: ReadEnvelope, facts: EventFacts, bodyHash: Buffer): Decided => {
    const { source, id, change } = event;
    const { known, now: acceptedAt } = facts;
    if (known && !known.bodyHash.equals(bodyHash))
      return {
        recorded: conflictOf(
          "id",
          `an event with source ${source} and id ${id} was accepted with another body; give each event an id of its own`,
        ),
      };
    if (known)
      return {
        recorded: { kind: "accepted", answer: known.answer as EventAnswer, duplicate: true, revision: null },
      };

    const decision = decideEvent(event, facts, { policy, acceptedAt });
    if (decision.kind === "refused") return { recorded: decision };
    const { answer } = decision;
    const kept = { source, id, type: EVENT_TYPE_PREFIX + event.kind, change, bodyHash, envelope, acceptedAt, answer };
    const recorded: Recorded = { kind: "accepted", answer, duplicate: false, revision: null };
    if (decision.kind === "held") return { recorded, held: kept };
    const { revision, heldNos } = decision;
    const notices = revision.change.revision === FIRST_REVISION ? revision.plan.notices : null;
    return { recorded: { ...recorded, revision }, accepted: { event: kept, revision, notices }, heldNos };
  };

  /** Null for those whose change could not be locked. */
  const recordIn = async (
    { sql, last }: { sql: Sql; last: Last },
    reads: readonly ReadEnvelope[],
    lock: Locks,
  ): Promise<(Recorded | null)[]> => {
    const events = reads.map(({ event }) => event);
    const changes = events.map(({ change }) => change);
    const reading = Promise.all([lock(sql, changes), readEventFacts(sql, events, hash)]);
    // While PostgreSQL reads.
    const hashes = reads.map(({ envelope }) => envelopeHash(envelope));
    const [locked, facts] = await reading;
    const decided = reads.map((read, at) => {
      const { change } = read.event;
      return locked.has(change) ? decide(read, factsOf(facts, change), hashes[at] as Buffer) : null;
    });
    const accepted: AcceptedEvent[] = [];
    for (const one of decided) {
      if (one?.held) void last(insertHeldEvent(sql, one.held));
      if (!one?.accepted) continue;
      accepted.push(one.accepted);
      const { heldNos = [] } = one;
      if (heldNos.length > 0) void last(releaseHeldEvents(sql, heldNos, one.accepted.revision.change.revision));
    }
    const newPolicy = [...facts.values()].every(({ policyIsKept }) => policyIsKept) ? null : policy;
    if (accepted.length > 0) void last(insertAcceptedEvents(sql, accepted, { policyHash: hash, policy: newPolicy }));
    return decided.map((one) => one?.recorded ?? null);
  };

  const alone: RecordEvent = async (read) => {
    const [recorded] = await inTransaction(pool, (sql, last) => recordIn({ sql, last }, [read], waitForLock));
    if (!recorded) throw new Error("an event whose change is locked was not recorded");
    return recorded;
  };

  const together = async (reads: readonly ReadEnvelope[]): Promise<(Recorded | null)[]> => {
    try {
      return await inTransaction(pool, (sql, last) => recordIn({ sql, last }, reads, tryLockChanges));
    } catch (error) {
      if (faultyPart(error) !== null) throw error;
      // One of them spoils it, and only that one shall fail.
      return reads.map(() => null);
    }
  };

  const creations = (): GroupCommit<ReadEnvelope, Recorded> =>
    makeGroupCommit({
      most: MOST_TOGETHER,
      keysOf: ({ event: { change, source, id } }) => [`change ${change}`, `event ${source} ${id}`],
      run: async (reads) => {
        const recorded = await together(reads);
        // Who goes alone after all may have to wait for somebody; the next group does not.
        return reads.map((read, at) => recorded[at] ?? alone(read));
      },
    });
  const groups: Record<Lane, GroupCommit<ReadEnvelope, Recorded>> = { urgent: creations(), routine: creations() };

  /** Whether its service is critical is not known yet. */
  const laneOfCreation = (category: Category): Lane =>
    [false, true].some((critical) => laneOf(policy, category, critical) === "urgent") ? "urgent" : "routine";

  return (read) => {
    const { kind, fields } = read.event;
    return kind === "created" && fields.category ? groups[laneOfCreation(fields.category)].add(read) : alone(read);
  };
};
