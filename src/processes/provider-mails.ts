import { elapsedMs } from "../domain/duration.ts";
import { makeSendProviderMails } from "../flow/send-provider-mails.ts";
import { makeProviderMailer } from "../senders/provider-mail.ts";
import type { Parts, Running } from "./parts.ts";
import { every } from "./timers.ts";

const TICK_MS = 1_000;

/** Mails the provider's own contact what was written for it, each second; does nothing without a relay or a contact. */
export const startProviderMails = ({ config, policy, ledger, clock, outages, log }: Parts): Running => {
  const { contact, smtpUrl, mailFrom, dkim } = config;
  if (contact === undefined || smtpUrl === undefined) return { stop: () => Promise.resolve() };
  const mailer = makeProviderMailer({
    contact,
    smtpUrl,
    mailFrom,
    dkim,
    timeoutMs: elapsedMs(policy.timeouts.email),
    clock,
    outages,
  });
  const sendProviderMails = makeSendProviderMails({ ledger, mailer, log });
  const stopping = new AbortController();
  const timer = every(TICK_MS, "mailing the provider's contact", {
    tick: () => sendProviderMails(stopping.signal),
    outages,
    log,
  });
  return {
    stop: async () => {
      stopping.abort();
      await timer.stop();
      mailer.close();
    },
  };
};
