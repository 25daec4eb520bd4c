import type { Outcome } from "../domain/delivery.ts";
import type { Answer } from "./exchange.ts";
import { retryAfterMs } from "./retry-after.ts";

/**
 * What a status comes to; the first row that holds it decides (INTERFACE: "Webhook out"). `waits` says whether its
 * Retry-After is obeyed, `says` what is recorded.
 */
const STATUSES: readonly {
  from: number;
  to: number;
  becomes: "sent" | "retry" | "gone";
  waits: boolean;
  says: string;
}[] = [
  { from: 200, to: 299, becomes: "sent", waits: false, says: "it was accepted" },
  { from: 300, to: 399, becomes: "retry", waits: false, says: "redirects are not followed; register the new address" },
  { from: 408, to: 408, becomes: "retry", waits: true, says: "the receiver did not get it in time" },
  { from: 410, to: 410, becomes: "gone", waits: false, says: "the receiver wants no more" },
  { from: 425, to: 425, becomes: "retry", waits: true, says: "it came too early for the receiver" },
  { from: 429, to: 429, becomes: "retry", waits: true, says: "the receiver wants a slower pace" },
  { from: 400, to: 499, becomes: "retry", waits: true, says: "the receiver refused it" },
  { from: 500, to: 599, becomes: "retry", waits: true, says: "the receiver failed" },
  { from: 0, to: 999, becomes: "retry", waits: false, says: "that is no status of HTTP" },
];

/** What an exchange came to, as settling reads it. */
export const webhookOutcome = (answer: Answer, now: Date): Outcome => {
  if (answer.kind === "not-allowed")
    return {
      kind: "suppressed",
      reason: "address-not-allowed",
      error: `the address may not be reached: ${answer.why}`,
    };
  if (answer.kind === "unanswered")
    return { kind: "retry", code: null, error: `${answer.stage}: ${answer.why}`, answer: null, retryAfterMs: null };

  const { code, text, cut } = answer;
  const row = STATUSES.find(({ from, to }) => from <= code && code <= to);
  if (row === undefined) throw new Error(`no outcome for the status ${code}`);
  if (row.becomes === "sent") return { kind: "sent", code, answer: text };
  const error = `${code}: ${row.says}${cut === null ? "" : `; body: ${cut}`}`;
  if (row.becomes === "gone") return { kind: "failed", code, error, answer: text, endpoint: "disabled" };
  return {
    kind: "retry",
    code,
    error,
    answer: text,
    retryAfterMs: row.waits ? retryAfterMs(answer.retryAfter, now) : null,
  };
};
