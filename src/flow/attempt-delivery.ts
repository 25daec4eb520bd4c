import { deliveryId, type Outcome } from "../domain/delivery.ts";
import type { Policy } from "../domain/policy.ts";
import { type Settlement, settlementOf } from "../domain/settlement.ts";
import type { Keyring } from "../keyring.ts";
import type { LoadedDelivery } from "../ledger/deliveries.ts";
import type { KeptContent } from "../ledger/notice-content.ts";
import type { Log } from "../log.ts";
import { makeOpenSecret, type OpenSecret } from "../senders/opened-secrets.ts";
import type { Addressee, Sender } from "../senders/sender.ts";

type Parts = {
  sender: Sender;
  keyring: Keyring;
  policy: Pick<Policy, "retries">;
  /** Aborts when the process can wait no longer. */
  giveUp: AbortSignal;
  /** In [0, 1), for the jitter of retries. */
  random: () => number;
  log: Log;
};

/** One attempt: what it came to, and what that makes of the delivery. Never throws. */
export type AttemptDelivery = (
  delivery: LoadedDelivery,
  content: KeptContent,
) => Promise<{ outcome: Outcome; settlement: Settlement }>;

const NO_SECRETS: readonly string[] = [];

const secretsOf = ({ secretSealed, formerSecretSealed }: LoadedDelivery, open: OpenSecret): readonly string[] => {
  if (secretSealed === null) return NO_SECRETS;
  return formerSecretSealed === null ? [open(secretSealed)] : [open(secretSealed), open(formerSecretSealed)];
};

const addressee = (delivery: LoadedDelivery, content: KeptContent, open: OpenSecret): Addressee => ({
  delivery: deliveryId(content.notice.id, delivery.endpoint),
  partner: delivery.partner,
  name: delivery.name,
  locale: delivery.locale,
  timeZone: delivery.timeZone,
  pageEpoch: delivery.pageEpoch,
  address: delivery.address,
  secrets: secretsOf(delivery, open),
  threadRoot: delivery.threadRoot === null ? null : deliveryId(delivery.threadRoot, delivery.endpoint),
  threadTitle: delivery.threadTitle,
});

/** Sends one delivery and decides by the governing policy's schedule what follows. */
export const makeAttemptDelivery = ({ sender, keyring, policy, giveUp, random, log }: Parts): AttemptDelivery => {
  const open = makeOpenSecret(keyring);
  /** A bug of ours must neither end the chunk for the others nor spin: it is tried again by the schedule, then fails in sight. */
  const bug = (error: unknown, delivery: LoadedDelivery, content: KeptContent): Outcome => {
    log.error({ err: error, delivery: deliveryId(content.notice.id, delivery.endpoint) }, "sending threw");
    const text = `internal: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500);
    return { kind: "retry", code: null, error: text, answer: null, retryAfterMs: null };
  };

  return async (delivery, content) => {
    let outcome: Outcome;
    try {
      outcome = await sender.send(content, addressee(delivery, content, open), giveUp);
    } catch (error) {
      outcome = bug(error, delivery, content);
    }
    const schedule = (content.retries ?? policy.retries)[sender.channel];
    return { outcome, settlement: settlementOf(outcome, { attempts: delivery.attempts, schedule, random: random() }) };
  };
};
