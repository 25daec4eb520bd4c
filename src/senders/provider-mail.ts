import type { Clock } from "../clock.ts";
import type { Outages } from "../outages.ts";
import { composeMail } from "../render/mail-form.ts";
import { mailAddress, readMailbox } from "../render/mail-mime.ts";
import { escapeHtml, plainBlock } from "../render/plain-text.ts";
import { QUOTED_PRINTABLE } from "../render/quoted-printable.ts";
import { type DkimKey, makeDkim } from "./dkim.ts";
import { mailOutcome } from "./mail-outcome.ts";
import { makeMailRelay } from "./mail-relay.ts";
import type { ProviderSender, RecordedAlert } from "./provider-sender.ts";
import { webhookId } from "./signature.ts";

export type ProviderMailerDeps = {
  contact: string;
  smtpUrl: string;
  mailFrom: string;
  dkim?: DkimKey | undefined;
  timeoutMs: number;
  clock: Clock;
  outages: Pick<Outages, "lost" | "found">;
};

/** Plain mails over a connection of its own: a backlog of notices never delays a cry for help. */
export const makeProviderMailer = (deps: ProviderMailerDeps): ProviderSender => {
  const from = readMailbox(deps.mailFrom);
  if (!from) throw new Error(`MAIL_FROM is not a sender: ${deps.mailFrom}`);
  const to = mailAddress(deps.contact);
  if (to === null) throw new Error(`FOREWARN_CONTACT is not one mail address: ${deps.contact}`);
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const relay = makeMailRelay({ ...deps, connections: 1 });
  const sign = deps.dkim ? makeDkim(deps.dkim) : async (mail: string) => mail;

  const compose = async ({ dedupe, subject, body, createdAt }: RecordedAlert): Promise<string> => {
    const text = plainBlock(body);
    const html = `<!doctype html><html lang="en"><body><pre style="font:inherit;white-space:pre-wrap">${escapeHtml(text)}</pre></body></html>`;
    return sign(
      composeMail({
        from,
        to: { name: "", address: to },
        subject,
        text: QUOTED_PRINTABLE.encode(`${text}\n`),
        html: QUOTED_PRINTABLE.encode(html),
        messageId: `<${webhookId(`provider.${dedupe}`)}@${domain}>`,
        inReplyTo: null,
        calendar: null,
        date: createdAt,
        headers: { "Auto-Submitted": "auto-generated" },
      }),
    );
  };

  return {
    channel: "email",
    send: async (alert, signal) => {
      const spared = relay.spared();
      return mailOutcome(spared ?? (await relay.carry({ from: from.address, to }, await compose(alert), signal)));
    },
    close: async () => relay.close(),
  };
};
