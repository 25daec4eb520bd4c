import type { DeliveryStatus } from "./delivery.ts";
import { type LastLook, type LastWord, lastWord } from "./settlement.ts";

/**
 * How a delivery is sent again: `wait`, as any that waits, or `repeat`, once more while it stays `sent`. Both keep its
 * ids, so that a receiver can tell that it has had it.
 */
export type Replay = { kind: "wait" } | { kind: "repeat" } | { kind: "refused"; why: string };

const WAYS: Record<DeliveryStatus, "wait" | "repeat"> = {
  waiting: "wait",
  failed: "wait",
  suppressed: "wait",
  skipped: "wait",
  sent: "repeat",
};

/** Why nothing can be sent again, and what can be done about it. */
const REFUSALS: Record<Extract<LastWord, { reason: string }>["reason"], string> = {
  superseded: "a later revision of its change took its place; replay its endpoint to send the newest notice",
  overtaken:
    "a later notice of its change is due, or the release has passed; replay its endpoint to send the newest notice",
  left: "its partner or its endpoint is no longer there",
  ready: "its partner has said that it is ready",
  "endpoint-disabled": "its endpoint is disabled; enable the endpoint first",
  bounced: "its address bounced; set another address, or enable the endpoint first",
  unsubscribed: "its address has unsubscribed, or its partner follows the service no longer",
  "address-not-allowed": "its address may not be reached; see FOREWARN_WEBHOOK_ALLOW",
};

/** Decided by the same last look as any sending, so that a replay never says what is no longer true. */
export const replayOf = (status: DeliveryStatus, look: LastLook): Replay => {
  const word = lastWord(look);
  return word.kind === "skip" || word.kind === "suppress"
    ? { kind: "refused", why: REFUSALS[word.reason] }
    : { kind: WAYS[status] };
};
