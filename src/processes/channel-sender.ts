import type { Channel } from "../domain/category.ts";
import { elapsedMs } from "../domain/duration.ts";
import { makeEmailSender } from "../senders/email.ts";
import type { Sender } from "../senders/sender.ts";
import { makeWebhookSender } from "../senders/webhook.ts";
import { VERSION } from "../version.ts";
import type { Parts } from "./parts.ts";

/** The sender of each channel, made from the configuration; null where it lacks what the channel needs. */
const SENDERS: Record<Channel, (parts: Parts) => Sender | null> = {
  webhook: ({ config, policy, keyring, clock, log }) =>
    makeWebhookSender({
      webhookAllow: config.webhookAllow,
      publicUrl: config.publicUrl,
      timeoutMs: elapsedMs(policy.timeouts.webhook),
      version: VERSION,
      keyring,
      clock,
      log,
    }),
  email: ({ config, policy, keyring, clock, outages, log }) => {
    if (config.smtpUrl === undefined) return null;
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

export const makeChannelSender = (channel: Channel, parts: Parts): Sender | null => SENDERS[channel](parts);
