import type { Config } from "../config.ts";
import { CHANNELS, type Channel } from "../domain/category.ts";
import { elapsedMs } from "../domain/duration.ts";
import { makeSendProviderAlerts } from "../flow/send-provider-alerts.ts";
import type { ProviderSender } from "../senders/provider-sender.ts";
import { VERSION } from "../version.ts";
import type { Parts, Running } from "./parts.ts";
import { every } from "./timers.ts";

const TICK_MS = 1_000;

type Contact = Pick<Config, "contact" | "contactWebhook">;

const LEADS: Record<Channel, (config: Contact) => boolean> = {
  email: ({ contact }) => contact !== undefined,
  webhook: ({ contactWebhook }) => contactWebhook !== undefined,
};

/** The channels that lead to the provider's own contact. */
export const contactChannels = (config: Contact): Channel[] => CHANNELS.filter((channel) => LEADS[channel](config));

/** Each channel's way to the contact, its modules loaded only then; null where the configuration lacks what it needs. */
const SENDERS: Record<Channel, (parts: Parts, timeoutMs: number) => Promise<ProviderSender | null>> = {
  email: async ({ config: { contact, smtpUrl, mailFrom, dkim }, clock, outages }, timeoutMs) => {
    if (contact === undefined || smtpUrl === undefined) return null;
    const { makeProviderMailer } = await import("../senders/provider-mail.ts");
    return makeProviderMailer({ contact, smtpUrl, mailFrom, dkim, timeoutMs, clock, outages });
  },
  webhook: async ({ config: { contactWebhook, webhookAllow, publicUrl }, clock }, timeoutMs) => {
    if (contactWebhook === undefined) return null;
    const { makeProviderWebhook } = await import("../senders/provider-webhook.ts");
    return makeProviderWebhook({ ...contactWebhook, webhookAllow, publicUrl, version: VERSION, timeoutMs, clock });
  },
};

/** Tells the provider's own contact by one channel what was written for it, each second; does nothing where none leads there. */
export const startProviderAlerts = async (channel: Channel, parts: Parts): Promise<Running> => {
  const { policy, ledger, outages, log } = parts;
  const timeoutMs = elapsedMs(policy.timeouts[channel]);
  const sender = await SENDERS[channel](parts, timeoutMs);
  if (sender === null) return { stop: () => Promise.resolve() };
  const sendProviderAlerts = makeSendProviderAlerts({ ledger, sender, timeoutMs, log });
  const stopping = new AbortController();
  const timer = every(TICK_MS, "telling the provider's contact", {
    tick: () => sendProviderAlerts(stopping.signal),
    outages,
    log,
  });
  return {
    stop: async () => {
      stopping.abort();
      await timer.stop();
      await sender.close();
    },
  };
};
