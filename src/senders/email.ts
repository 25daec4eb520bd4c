import type { Clock } from "../clock.ts";
import type { Keyring } from "../keyring.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import { type MailForm, makeMailForm } from "../render/mail-form.ts";
import { mailAddress, readMailbox } from "../render/mail-mime.ts";
import { makeNoticeMails, type NoticeMail } from "../render/notice-mail.ts";
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

/** One for each title that a change had when its threads began. */
const MOST_FORMS = 64;

/** Mails over a few reused connections to one relay. Throws at construction for a sender, template or key that cannot work. */
export const makeEmailSender = (deps: EmailSenderDeps): Sender => {
  const { mailFrom, publicUrl, keyring, clock, log } = deps;
  const from = readMailbox(mailFrom);
  if (!from) throw new Error(`MAIL_FROM is not a sender: ${mailFrom}`);
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const templates = makeTemplates({ folder: deps.templatesFolder });
  const mails = makeNoticeMails({ templates, keyring, publicUrl, organizer: from });
  const relay = makeMailRelay(deps);
  const sign = deps.dkim && makeDkim(deps.dkim);

  /** RFC 8058: one HTTPS address that ends this endpoint's mails, and one for programs that write a mail instead (bounce-mail.ts). */
  const unsubscribing = (by: NoticeMail["unsubscribe"]): Record<string, string> =>
    by === null
      ? {}
      : {
          "List-Unsubscribe": `<${by.page}>, <mailto:${from.address}?subject=unsubscribe%20${by.token}>`,
          "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        };

  /** Of each content, by what else a form holds: its threads may have other subjects than it. */
  const forms = new WeakMap<NoticeContent, Map<string, MailForm>>();
  const formOf = (content: NoticeContent, { subject, calendar }: NoticeMail): MailForm => {
    const made = forms.get(content) ?? new Map<string, MailForm>();
    forms.set(content, made);
    const method = calendar?.method ?? null;
    const key = `${method} ${subject}`;
    const known = made.get(key);
    if (known) return known;
    const form = makeMailForm({
      from,
      subject,
      method,
      headers: {
        "Auto-Submitted": "auto-generated",
        ...(content.change ? { "Forewarn-Change": content.change.change } : {}),
        "Forewarn-Notice": content.notice.id,
        ...(content.notice.lane === "urgent" ? { Importance: "high" } : {}),
      },
    });
    if (made.size >= MOST_FORMS) made.clear();
    made.set(key, form);
    return form;
  };

  const compose = (content: NoticeContent, to: Addressee, { address, id }: { address: string; id: string }): string => {
    const now = clock.now();
    const mail = mails.encodedFor(content, { ...to, address }, now);
    return formOf(
      content,
      mail,
    )({
      to: { name: to.name, address },
      text: mail.text,
      html: mail.html,
      calendar: mail.calendar?.body ?? "",
      messageId: `<${id}@${domain}>`,
      inReplyTo: to.threadRoot === null ? null : `<${webhookId(to.threadRoot)}@${domain}>`,
      date: now,
      headers: unsubscribing(mail.unsubscribe),
    });
  };

  return {
    channel: "email",
    send: async (content, to, signal) => {
      const address = mailAddress(to.address);
      if (address === null)
        return { kind: "suppressed", reason: "address-not-allowed", error: "the address is not one mail address" };
      const spared = relay.spared();
      if (spared) return mailOutcome(spared);
      const id = webhookId(to.delivery);
      let mail: string;
      try {
        mail = compose(content, to, { address, id });
      } catch (fault) {
        if (!(fault instanceof TemplateError)) throw fault;
        // The operator can mend the template while the schedule of retries lasts.
        log.error(
          { notice: content.notice.id, file: fault.file, line: fault.line },
          `template faults: ${fault.message}`,
        );
        return { kind: "retry", code: null, error: `template: ${fault.message}`, answer: null, retryAfterMs: null };
      }
      if (sign) mail = await sign(mail);
      return mailOutcome(await relay.carry({ from: from.address, to: address, id }, mail, signal));
    },
    close: async () => relay.close(),
  };
};
