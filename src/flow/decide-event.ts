import type { ChangeStatus, Outdated } from "../domain/change.ts";
import { type ChangeEvent, readEvent } from "../domain/event.ts";
import type { Fault } from "../domain/fault.ts";
import type { NoticeKind, NoticeStatus } from "../domain/notice.ts";
import type { Policy } from "../domain/policy.ts";
import { type Revision, revise } from "../domain/revise.ts";
import { brokenByItself } from "../domain/rules.ts";
import type { Verdict } from "../domain/verdict.ts";
import { Problem } from "../errors.ts";
import type { EventFacts } from "../ledger/accepted-events.ts";

/** INTERFACE: what `202` answers. */
export type EventAnswer = {
  change: string;
  revision: number;
  status: ChangeStatus | "held";
  verdict: Verdict | null;
  notices: { id: string; kind: NoticeKind; offset: string | null; dueAt: string; status: NoticeStatus }[];
  /** What of the event was not taken; absent when all was. */
  outdated?: Outdated[];
};

export type Decision =
  | { kind: "revised"; revision: Revision; heldNos: number[]; answer: EventAnswer }
  /** It waits for the creation of its change. */
  | { kind: "held"; answer: EventAnswer }
  | { kind: "refused"; problem: Problem };

export const refusedFor = (
  faults: readonly Fault[],
  problem: "invalid" | "too-large" = "invalid",
): { kind: "refused"; problem: Problem } => ({
  kind: "refused",
  problem: new Problem(
    problem,
    `the event is refused: ${faults.map((fault) => `${fault.path} ${fault.message}`).join("; ")}`,
    faults,
  ),
});

export const conflictOf = (path: string, detail: string): { kind: "refused"; problem: Problem } => ({
  kind: "refused",
  problem: new Problem("conflict", detail, [{ path, message: detail }]),
});

const answerOf = ({ change, plan, outdated }: Revision): EventAnswer => ({
  change: change.change,
  revision: change.revision,
  status: change.status,
  verdict: plan.verdict,
  notices: plan.notices.map(({ id, kind, offset, dueAt, status }) => ({ id, kind, offset, dueAt, status })),
  ...(outdated.length > 0 ? { outdated } : {}),
});

/** Decides an event by what is stored, as if accepted at `acceptedAt` (UTC). Accepting reads the facts under the change's lock, previewing without. */
export const decideEvent = (
  event: ChangeEvent,
  { stored, held: envelopes, services }: Pick<EventFacts, "stored" | "held" | "services">,
  { policy, acceptedAt }: { policy: Policy; acceptedAt: string },
): Decision => {
  if (stored && event.kind === "created")
    return conflictOf(
      "change",
      `change ${event.change} exists already, at revision ${stored.state.revision}; send forewarn.change.updated to alter it, or use another id`,
    );
  if (!stored && event.kind !== "created") {
    const faults = brokenByItself({ event, policy, acceptedAt });
    if (faults.length > 0) return refusedFor(faults);
    return { kind: "held", answer: { change: event.change, revision: 0, status: "held", verdict: null, notices: [] } };
  }

  const held = stored ? [] : envelopes;
  const heldReads = held.flatMap((one) => {
    const read = readEvent(one.envelope);
    return "event" in read ? [read.event] : [];
  });
  const revision = revise({ event, held: heldReads, stored, services, policy, acceptedAt });
  if ("faults" in revision) return refusedFor(revision.faults);
  return { kind: "revised", revision, heldNos: held.map((one) => one.no), answer: answerOf(revision) };
};
