import type { DeliveryStatus, Outcome, SkipReason, SuppressReason } from "./delivery.ts";
import type { IsoDuration } from "./duration.ts";
import { nextAttempt } from "./retry.ts";

/** What one attempt, or the decision against one, makes of a delivery. */
export type Settlement = {
  status: DeliveryStatus;
  reason: string | null;
  /** Until the next attempt; null when there is none. */
  delayMs: number | null;
  /** Whether it was an attempt that the partner's side could see. */
  counted: boolean;
  code: number | null;
  error: string | null;
  answer: string | null;
  /** What becomes of the endpoint itself. */
  endpoint: "disabled" | "bounced" | null;
};

/** How long mails wait while the relay cannot be reached; the sender's breaker probes it meanwhile. */
export const RELAY_PAUSE_MS = 15_000;

const NOTHING = {
  reason: null,
  delayMs: null,
  counted: true,
  code: null,
  error: null,
  answer: null,
  endpoint: null,
} as const;

type Facts = { attempts: number; schedule: readonly IsoDuration[]; random: number };

/**
 * The settlement of an outcome; `attempts` counts the ones before it, `random` lies in [0, 1).
 *
 * INTERFACE: "Webhook out", "Mail out".
 */
export const settlementOf = (outcome: Outcome, { attempts, schedule, random }: Facts): Settlement => {
  switch (outcome.kind) {
    case "sent":
      return { ...NOTHING, status: "sent", code: outcome.code, answer: outcome.answer };
    case "failed":
      return {
        ...NOTHING,
        status: "failed",
        reason: "refused",
        code: outcome.code,
        error: outcome.error,
        answer: outcome.answer,
        endpoint: outcome.endpoint,
      };
    case "suppressed":
      return { ...NOTHING, status: "suppressed", reason: outcome.reason, error: outcome.error };
    case "unreachable":
      return {
        ...NOTHING,
        status: "waiting",
        reason: "relay-unreachable",
        delayMs: RELAY_PAUSE_MS,
        counted: false,
        error: outcome.error,
      };
    case "retry": {
      const next = nextAttempt({ schedule, attempts: attempts + 1, retryAfterMs: outcome.retryAfterMs, random });
      const tried = { ...NOTHING, code: outcome.code, error: outcome.error, answer: outcome.answer };
      return next.kind === "exhausted"
        ? { ...tried, status: "failed", reason: "retries-used-up" }
        : { ...tried, status: "waiting", delayMs: next.afterMs };
    }
  }
};

/** What is known of a delivery at the moment before it is sent. */
export type LastLook = {
  endpointStatus: "active" | "disabled" | "bounced" | "unsubscribed";
  endpointGone: boolean;
  partnerLeft: boolean;
  /** Its partner does not follow the service of its change any more. */
  unfollowed: boolean;
  /** The notice was superseded or cancelled since. */
  noticeEnded: boolean;
  /** A reminder whose release has passed, or after which a later notice of its change is due. */
  overtaken: boolean;
  /** Its partner is prepared, and spared all reminders but the last. */
  ready: boolean;
  /** Its change, or everything, is paused. */
  held: boolean;
};

export type LastWord =
  | { kind: "send" }
  | { kind: "hold" }
  | { kind: "skip"; reason: SkipReason }
  | { kind: "suppress"; reason: SuppressReason };

/**
 * In order: the first that holds decides. Moves and cancellations, which no *ready* mutes, end with a subscription as all else
 * does: a fan-out leaves out who does not follow the service, told before or not, and so does what it had fanned out by then.
 */
const LAST_WORDS: readonly [(look: LastLook) => boolean, LastWord][] = [
  [(look) => look.noticeEnded, { kind: "skip", reason: "superseded" }],
  [(look) => look.partnerLeft || look.endpointGone, { kind: "skip", reason: "left" }],
  [(look) => look.endpointStatus === "disabled", { kind: "skip", reason: "endpoint-disabled" }],
  [(look) => look.endpointStatus === "bounced", { kind: "suppress", reason: "bounced" }],
  [(look) => look.endpointStatus === "unsubscribed" || look.unfollowed, { kind: "suppress", reason: "unsubscribed" }],
  [(look) => look.overtaken, { kind: "skip", reason: "overtaken" }],
  [(look) => look.ready, { kind: "skip", reason: "ready" }],
  [(look) => look.held, { kind: "hold" }],
];

/**
 * Whether who follows these services (null: all) is told of that one; null: of what concerns the partner itself.
 *
 * @example follows("billing reports", "reports") // true
 */
export const follows = (subscriptions: string | null, service: string | null): boolean => {
  if (subscriptions === null || service === null) return true;
  const followed = subscriptions.split(" ");
  return followed.includes(service) || followed.includes("*");
};

/** Whether a delivery may still be sent, decided right before it is: partners come and go between fan-out and sending. */
export const lastWord = (look: LastLook): LastWord =>
  LAST_WORDS.find(([holds]) => holds(look))?.[1] ?? { kind: "send" };

/** The settlement of a decision not to send. */
export const settlementOfWord = (word: Extract<LastWord, { reason: string }>): Settlement => ({
  ...NOTHING,
  status: word.kind === "skip" ? "skipped" : "suppressed",
  reason: word.reason,
  counted: false,
});

/** A host that has been silent is left alone for a while: no attempt is made, and none is used up. */
export const putOff = (forMs: number): Settlement => ({
  ...NOTHING,
  status: "waiting",
  reason: "host-resting",
  delayMs: forMs,
  counted: false,
});
