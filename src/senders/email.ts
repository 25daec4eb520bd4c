import type { Clock } from "../clock.ts";
import { endpointId, endpointOfDelivery } from "../domain/delivery.ts";
import type { Keyring } from "../keyring.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import { composeMail, mailAddress, readMailbox } from "../render/mail-mime.ts";
import { makeNoticeMails } from "../render/notice-mail.ts";
import { partnerPage } from "../render/public-links.ts";
import { makeTemplates, TemplateError } from "../render/templates.ts";
import { type DkimKey, makeDkim } from "./dkim.ts";
import { mailOutcome } from "./mail-outcome.ts";
import { makeMailRelay } from "./mail-relay.ts";
import type { Addressee, NoticeContent, Sender } from "./sender.ts";
import { webhookId } from "./signature.ts";

export type EmailSenderDeps = {
  smtpUrl: string;
  mailFrom: string;
  dkim?: DkimKey | undefined;
  publicUrl: string;
  keyring: Keyring;
  templatesFolder: string | undefined;
  /** One deadline for the whole attempt, waiting for a connection included. */
  timeoutMs: number;
  clock: Clock;
  outages: Pick<Outages, "lost" | "found">;
  log: Log;
  /** Most connections to the relay at a time. */
  connections?: number;
};

/** Mails over a few reused connections to one relay. Throws at construction for a sender, template or key that cannot work. */
export const makeEmailSender = (deps: EmailSenderDeps): Sender => {
  const { mailFrom, publicUrl, keyring, clock, log } = deps;
  const from = readMailbox(mailFrom);
  if (!from) throw new Error(`MAIL_FROM is not a sender: ${mailFrom}`);
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const templates = makeTemplates({ folder: deps.templatesFolder });
  const mails = makeNoticeMails({ templates, keyring, publicUrl, organizer: from });
  const relay = makeMailRelay(deps);
  const sign = deps.dkim ? makeDkim(deps.dkim) : async (mail: Buffer) => mail;
  const messageId = (delivery: string): string => `<${webhookId(delivery)}@${domain}>`;

  /** RFC 8058: one HTTPS address that ends this endpoint's mails, and one for readers without a browser. */
  const unsubscribing = ({ delivery }: Addressee): Record<string, string> => {
    const endpoint = endpointOfDelivery(delivery);
    if (endpoint === null) return {};
    const page = `${partnerPage(publicUrl, keyring.unsubscribeToken(endpoint))}/unsubscribe`;
    return {
      "List-Unsubscribe": `<${page}>, <mailto:${from.address}?subject=unsubscribe%20${endpointId(endpoint)}>`,
      "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    };
  };

  const compose = async (content: NoticeContent, to: Addressee, address: string): Promise<Buffer> => {
    const now = clock.now();
    const { subject, html, text, calendar } = mails.encodedFor(content, { ...to, address }, now);
    const headers = {
      "Auto-Submitted": "auto-generated",
      ...(content.change ? { "Forewarn-Change": content.change.change } : {}),
      "Forewarn-Notice": content.notice.id,
      ...unsubscribing(to),
      ...(content.notice.lane === "urgent" ? { Importance: "high" } : {}),
    };
    return sign(
      await composeMail({
        from,
        to: { name: to.name, address },
        subject,
        html,
        text,
        calendar,
        messageId: messageId(to.delivery),
        inReplyTo: to.threadRoot === null ? null : messageId(to.threadRoot),
        date: now,
        headers,
      }),
    );
  };

  return {
    channel: "email",
    send: async (content, to, signal) => {
      const address = mailAddress(to.address);
      if (address === null)
        return { kind: "suppressed", reason: "address-not-allowed", error: "the address is not one mail address" };
      const spared = relay.spared();
      if (spared) return mailOutcome(spared);
      let mail: Buffer;
      try {
        mail = await compose(content, to, address);
      } catch (fault) {
        if (!(fault instanceof TemplateError)) throw fault;
        // The operator can mend the template while the schedule of retries lasts.
        log.error(
          { notice: content.notice.id, file: fault.file, line: fault.line },
          `template faults: ${fault.message}`,
        );
        return { kind: "retry", code: null, error: `template: ${fault.message}`, answer: null, retryAfterMs: null };
      }
      return mailOutcome(
        await relay.carry({ from: from.address, to: address, id: webhookId(to.delivery) }, mail, signal),
      );
    },
    close: async () => relay.close(),
  };
};
