import { deliveryId } from "../domain/delivery.ts";
import { CHANNELS, type Channel } from "../domain/category.ts";
import { webhookId } from "../senders/signature.ts";
import type { Known } from "./ledger-watch.ts";
import type { MailArrival } from "./mailbox.ts";
import type { WebhookArrival } from "./receiver.ts";

/** What the ledger says was sent, against what arrived. */
export type Audit = {
  sent: Record<Channel, number>;
  arrived: Record<Channel, number>;
  /** Every way in which the two disagree, a line each; empty when all is well. */
  faults: string[];
};

/** The part of a Message-ID that is the delivery's. */
const mailId = (messageId: string): string => /^<(msg_[a-z2-7]+)@/.exec(messageId)?.[1] ?? messageId;

/** Counts each delivery that is due at its receiver by its id: none missing, none unknown, every signature valid. */
export const audit = (
  deliveries: readonly Known[],
  { mails, webhooks }: { mails: readonly MailArrival[]; webhooks: readonly WebhookArrival[] },
): Audit => {
  const arrivals: Record<Channel, Set<string>> = {
    email: new Set(mails.map((mail) => mailId(mail.id))),
    webhook: new Set(webhooks.filter((hook) => hook.fault === null).map((hook) => hook.id)),
  };
  const known: Record<Channel, Set<string>> = { email: new Set(), webhook: new Set() };
  const sent: Record<Channel, number> = { email: 0, webhook: 0 };
  const faults: string[] = [];
  for (const { notice, endpoint, channel, status, due } of deliveries) {
    const delivery = deliveryId(notice, endpoint);
    const id = webhookId(delivery);
    known[channel].add(id);
    if (status === "sent") {
      sent[channel] += 1;
      if (!arrivals[channel].has(id))
        faults.push(`${delivery} is sent, says the ledger, but did not arrive by ${channel}`);
    } else if (due && status !== "skipped") faults.push(`${delivery} is due but ${status}`);
  }
  for (const channel of CHANNELS)
    for (const id of arrivals[channel])
      if (!known[channel].has(id)) faults.push(`${id} arrived by ${channel}, but the ledger does not know it`);
  for (const { id, path, fault } of webhooks) if (fault !== null) faults.push(`${id} at ${path}: ${fault}`);
  return { sent, arrived: { email: arrivals.email.size, webhook: arrivals.webhook.size }, faults };
};
