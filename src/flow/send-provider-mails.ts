import type { Ledger } from "../ledger/connection.ts";
import { markProviderMailSent, postponeProviderMail, takeProviderMail } from "../ledger/provider-mails.ts";
import type { Log } from "../log.ts";
import type { ProviderMailer } from "../senders/provider-mail.ts";

/** Longer than an attempt may take; when the process dies, the mail is due again after it. */
const LEASE_MS = 60_000;
/** After an attempt that failed, by how many there were; the last for ever, for nobody else would tell the contact. */
const RETRY_MS = [30_000, 60_000, 5 * 60_000, 15 * 60_000, 60 * 60_000] as const;
const LAST_RETRY_MS = 60 * 60_000;
const UNREACHABLE_MS = 5_000;

/** One tick: what is due to the provider's contact goes out, in the order of its writing; begins nothing once `stopping`. */
export type SendProviderMails = (stopping: AbortSignal) => Promise<void>;

/** A mail that has begun is seen through: its own deadline bounds it. */
const NEVER = new AbortController().signal;

export const makeSendProviderMails = ({
  ledger,
  mailer,
  log,
}: {
  ledger: Ledger;
  mailer: ProviderMailer;
  log: Log;
}): SendProviderMails => {
  const sql = ledger.pools.urgent;
  /** Whether the relay was there for it. */
  const sendOne = async (stopping: AbortSignal): Promise<boolean> => {
    if (stopping.aborted) return false;
    const mail = await takeProviderMail(sql, LEASE_MS);
    if (!mail) return false;
    const { no, kind, dedupe, subject, body, attempts, createdAt } = mail;
    const outcome = await mailer.send({ id: dedupe, subject, body, at: createdAt }, NEVER);
    if (outcome.kind === "sent") {
      await markProviderMailSent(sql, no);
      log.info({ kind, about: dedupe, attempts: attempts + 1 }, "the provider's contact was mailed");
      return true;
    }
    const counted = outcome.kind !== "unreachable";
    const delayMs = counted ? (RETRY_MS[attempts] ?? LAST_RETRY_MS) : UNREACHABLE_MS;
    await postponeProviderMail(sql, no, { delayMs, error: outcome.error, counted });
    if (counted) log.warn({ kind, about: dedupe, fault: outcome.error }, "the provider's contact could not be mailed");
    return counted;
  };
  return async (stopping) => {
    while (await sendOne(stopping));
  };
};
