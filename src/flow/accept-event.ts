import type { ChangeStatus } from "../domain/change.ts";
import type { NoticeKind, NoticeStatus } from "../domain/notice.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { Problem } from "../errors.ts";

/** INTERFACE: what `202` answers. */
export type EventAnswer = {
  change: string;
  revision: number;
  status: ChangeStatus | "held";
  verdict: Verdict | null;
  notices: { id: string; kind: NoticeKind; offset: string | null; dueAt: string; status: NoticeStatus }[];
};

export type Accepted =
  | { kind: "accepted"; answer: EventAnswer; duplicate: boolean }
  | { kind: "refused"; problem: Problem };

/** Accepts one parsed (not yet validated) CloudEvents envelope; throws only when the ledger cannot be reached. */
export type AcceptEvent = (envelope: unknown) => Promise<Accepted>;

export type Recipients = { partners: number; email: number; webhook: number; unreachable: number };

export type Previewed =
  | { kind: "planned"; answer: EventAnswer & { recipients: Recipients } }
  | { kind: "refused"; problem: Problem };

/** The same answer as AcceptEvent, as if the event came in `at` (RFC 3339; null: now); stores nothing. */
export type PreviewEvent = (envelope: unknown, at: string | null) => Promise<Previewed>;
