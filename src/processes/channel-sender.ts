import type { Channel } from "../domain/category.ts";
import { elapsedMs } from "../domain/duration.ts";
import type { Sender } from "../senders/sender.ts";
import { VERSION } from "../version.ts";
import type { Parts } from "./parts.ts";

/**
 * The sender of each channel, made from the configuration; null where it lacks what the channel needs. Only the channel's
 * own modules are loaded: what writes and carries mails would be 10 MB of a process that posts webhooks.
 */
const SENDERS: Record<Channel, (parts: Parts) => Promise<Sender | null>> = {
  webhook: async ({ config, policy, keyring, clock, log }) => {
    const { makeWebhookSender } = await import("../senders/webhook.ts");
    return makeWebhookSender({
      webhookAllow: config.webhookAllow,
      publicUrl: config.publicUrl,
      timeoutMs: elapsedMs(policy.timeouts.webhook),
      version: VERSION,
      keyring,
      clock,
      log,
    });
  },
  email: async ({ config, policy, keyring, clock, outages, log }) => {
    if (config.smtpUrl === undefined) return null;
    const { makeEmailSender } = await import("../senders/email.ts");
    return makeEmailSender({
      smtpUrl: config.smtpUrl,
      mailFrom: config.mailFrom,
      dkim: config.dkim,
      publicUrl: config.publicUrl,
      keyring,
      templatesFolder: config.templatesFolder,
      timeoutMs: elapsedMs(policy.timeouts.email),
      clock,
      outages,
      log,
    });
  },
};

export const makeChannelSender = (channel: Channel, parts: Parts): Promise<Sender | null> => SENDERS[channel](parts);
