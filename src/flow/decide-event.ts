import type { ChangeStatus } from "../domain/change.ts";
import { type ChangeEvent, readEvent } from "../domain/event.ts";
import type { Fault } from "../domain/fault.ts";
import type { NoticeKind, NoticeStatus } from "../domain/notice.ts";
import type { Policy } from "../domain/policy.ts";
import { type Revision, revise } from "../domain/revise.ts";
import type { Verdict } from "../domain/verdict.ts";
import { Problem } from "../errors.ts";
import { findChange, findService } from "../ledger/changes.ts";
import type { Sql } from "../ledger/connection.ts";
import { heldEvents } from "../ledger/events.ts";

/** INTERFACE: what `202` answers. */
export type EventAnswer = {
  change: string;
  revision: number;
  status: ChangeStatus | "held";
  verdict: Verdict | null;
  notices: { id: string; kind: NoticeKind; offset: string | null; dueAt: string; status: NoticeStatus }[];
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

const answerOf = ({ change, plan }: Revision): EventAnswer => ({
  change: change.change,
  revision: change.revision,
  status: change.status,
  verdict: plan.verdict,
  notices: plan.notices.map(({ id, kind, offset, dueAt, status }) => ({ id, kind, offset, dueAt, status })),
});

/**
 * Reads what the decision on an event needs and decides it, as if accepted at `acceptedAt` (UTC); writes nothing.
 * Accepting calls it under the change's lock, previewing without.
 */
export const decideEvent = async (
  sql: Sql,
  event: ChangeEvent,
  { policy, acceptedAt }: { policy: Policy; acceptedAt: string },
): Promise<Decision> => {
  const stored = await findChange(sql, event.change);
  if (stored && event.kind === "created")
    return conflictOf(
      "change",
      `change ${event.change} exists already, at revision ${stored.state.revision}; send forewarn.change.updated to alter it, or use another id`,
    );
  if (!stored && event.kind !== "created")
    return { kind: "held", answer: { change: event.change, revision: 0, status: "held", verdict: null, notices: [] } };

  const held = stored ? [] : await heldEvents(sql, event.change);
  const heldReads = held.flatMap((one) => {
    const read = readEvent(one.envelope);
    return "event" in read ? [read.event] : [];
  });
  const names = new Set([event, ...heldReads].map((one) => one.fields.service ?? stored?.state.fields.service ?? ""));
  const services = new Map<string, { businessCritical: boolean }>();
  for (const name of names) {
    const service = await findService(sql, name);
    if (service) services.set(name, service);
  }
  const revision = revise({ event, held: heldReads, stored, services, policy, acceptedAt });
  if ("faults" in revision) return refusedFor(revision.faults);
  return { kind: "revised", revision, heldNos: held.map((one) => one.no), answer: answerOf(revision) };
};
