import type { Outcome } from "../domain/delivery.ts";
import type { Ledger } from "../ledger/connection.ts";
import { endProviderAlert, postponeProviderAlert, takeProviderAlert } from "../ledger/provider-alerts.ts";
import type { Log } from "../log.ts";
import type { ProviderSender } from "../senders/provider-sender.ts";

/** Longer than an attempt may take by as much; when the process dies, the alert is due again after it. */
const LEASE_SPARE_MS = 45_000;
/** After an attempt that failed, by how many there were; then hourly for ever, for nobody else would tell the contact. */
const RETRY_MS = [30_000, 60_000, 5 * 60_000, 15 * 60_000] as const;
const LAST_RETRY_MS = 60 * 60_000;
const UNREACHABLE_MS = 5_000;

/** One tick: what is due to the provider's contact by one channel goes out, in the order of its writing; begins nothing once `stopping`. */
export type SendProviderAlerts = (stopping: AbortSignal) => Promise<void>;

/** An attempt that has begun is seen through: its own deadline bounds it. */
const NEVER = new AbortController().signal;

/** What a failed attempt is followed by; null: the other side wants no more of it. `Retry-After` may stretch the schedule's gap. */
const delayAfter = (outcome: Exclude<Outcome, { kind: "sent" }>, attempts: number): number | null => {
  if (outcome.kind === "unreachable") return UNREACHABLE_MS;
  if (outcome.kind === "failed" && outcome.endpoint === "disabled") return null;
  const asked = outcome.kind === "retry" ? (outcome.retryAfterMs ?? 0) : 0;
  return Math.max(RETRY_MS[attempts] ?? LAST_RETRY_MS, asked);
};

export const makeSendProviderAlerts = ({
  ledger,
  sender,
  timeoutMs,
  log,
}: {
  ledger: Ledger;
  sender: ProviderSender;
  /** Of one attempt. */
  timeoutMs: number;
  log: Log;
}): SendProviderAlerts => {
  const sql = ledger.pools.urgent;
  const { channel } = sender;
  /** Whether there may be another that can go out now. */
  const sendOne = async (stopping: AbortSignal): Promise<boolean> => {
    if (stopping.aborted) return false;
    const alert = await takeProviderAlert(sql, channel, timeoutMs + LEASE_SPARE_MS);
    if (!alert) return false;
    const { no, kind, dedupe: about, attempts } = alert;
    const outcome = await sender.send(alert, NEVER);
    if (outcome.kind === "sent") {
      await endProviderAlert(sql, no, { status: "sent", error: null });
      log.info({ kind, about, channel, attempts: attempts + 1 }, "the provider's contact was told");
      return true;
    }
    const { error } = outcome;
    const delayMs = delayAfter(outcome, attempts);
    const counted = outcome.kind !== "unreachable";
    if (delayMs === null) await endProviderAlert(sql, no, { status: "refused", error });
    else await postponeProviderAlert(sql, no, { delayMs, error, counted });
    if (counted) log.warn({ kind, about, channel, fault: error }, "the provider's contact could not be told");
    return counted;
  };
  return async (stopping) => {
    while (await sendOne(stopping));
  };
};
