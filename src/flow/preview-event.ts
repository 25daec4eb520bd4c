import { readEvent } from "../domain/event.ts";
import { type Policy, policyHash } from "../domain/policy.ts";
import type { Problem } from "../errors.ts";
import { factsOf, readEventFacts } from "../ledger/accepted-events.ts";
import type { Ledger } from "../ledger/connection.ts";
import { countRecipients, type Recipients } from "../ledger/recipients.ts";
import { decideEvent, type EventAnswer, refusedFor } from "./decide-event.ts";

export type Previewed =
  | { kind: "planned"; answer: EventAnswer & { recipients: Recipients } }
  | { kind: "refused"; problem: Problem };

/** What AcceptEvent would answer, as if the event came in `at` (RFC 3339; null: now); stores nothing. */
export type PreviewEvent = (envelope: unknown, at: string | null) => Promise<Previewed>;

const NOBODY: Recipients = { partners: 0, email: 0, webhook: 0, unreachable: 0 };

export const makePreviewEvent = ({ ledger, policy }: { ledger: Ledger; policy: Policy }): PreviewEvent => {
  const hash = policyHash(policy);
  return async (envelope, at) => {
    const read = readEvent(envelope);
    if ("faults" in read) return refusedFor(read.faults, read.problem);
    const sql = ledger.pools.routine;
    const facts = factsOf(await readEventFacts(sql, [read.event], hash), read.event.change);
    const acceptedAt = at === null ? facts.now : new Date(at).toISOString();
    const decision = decideEvent(read.event, facts, { policy, acceptedAt });
    if (decision.kind === "refused") return decision;
    const recipients =
      decision.kind === "held" ? NOBODY : await countRecipients(sql, decision.revision.change.fields.service);
    return { kind: "planned", answer: { ...decision.answer, recipients } };
  };
};
