/**
 * `waiting` → `sent` | `failed` | `suppressed` by a sender's settlement, → `skipped` by a later revision, a departure or
 * a sender's last check; → `waiting` again by a replay. `sent` is final: nothing moves a delivery away from it, and it is recorded over any other
 * state, because a partner who was told was told.
 */
export const DELIVERY_STATUSES = ["waiting", "sent", "failed", "suppressed", "skipped"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Allowed moves; docs/architecture.md prints its diagram from this table. */
export const TRANSITIONS: Record<DeliveryStatus, readonly DeliveryStatus[]> = {
  waiting: ["waiting", "sent", "failed", "suppressed", "skipped"],
  sent: [],
  failed: ["waiting", "sent"],
  suppressed: ["waiting", "sent"],
  skipped: ["waiting", "sent"],
};

export const SKIP_REASONS = ["superseded", "overtaken", "left", "ready", "endpoint-disabled"] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

export const SUPPRESS_REASONS = ["bounced", "unsubscribed", "address-not-allowed"] as const;
export type SuppressReason = (typeof SUPPRESS_REASONS)[number];

/** What one attempt came to: a sender returns exactly one, and settling reads nothing else. */
export type Outcome =
  /** Webhook 2xx, or SMTP 250 from a relay. */
  | { kind: "sent"; code: number; answer: string | null }
  /** Worth another attempt by the schedule; `retryAfterMs` is the receiver's own wish, already bounded to 24 h. */
  | { kind: "retry"; code: number | null; error: string; answer: string | null; retryAfterMs: number | null }
  /** Refused for good. `endpoint` says what becomes of the endpoint. */
  | {
      kind: "failed";
      code: number | null;
      error: string;
      answer: string | null;
      endpoint: "disabled" | "bounced" | null;
    }
  | { kind: "suppressed"; reason: SuppressReason; error: string }
  /** The relay itself cannot be reached: everything waits, no attempt is used up. */
  | { kind: "unreachable"; error: string };

/** `<notice id>.<endpoint id>`: the public id, and what `webhook-id` and `Message-ID` are derived from. */
export const deliveryId = (notice: string, endpoint: number): string => `${notice}.${endpointId(endpoint)}`;

/** The endpoint's number in a delivery's public id; null when it is not one. */
export const endpointOfDelivery = (delivery: string): number | null =>
  endpointNo(delivery.slice(delivery.lastIndexOf(".") + 1));

export const endpointId = (no: number): string => `ep_${no}`;

/** The number behind `ep_17`; null when it is not an endpoint's id. */
export const endpointNo = (id: string): number | null => (/^ep_[1-9]\d{0,14}$/.test(id) ? Number(id.slice(3)) : null);
