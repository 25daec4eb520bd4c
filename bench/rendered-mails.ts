import { loadContents } from "../src/ledger/notice-content.ts";
import { composeMail } from "../src/render/mail-form.ts";
import { readMailbox } from "../src/render/mail-mime.ts";
import { makeNoticeMails } from "../src/render/notice-mail.ts";
import { makeTemplates } from "../src/render/templates.ts";
import { addresseeOf } from "./addressee-of.ts";
import type { Recipient } from "./populate.ts";
import type { Stage } from "./stage.ts";
import type { PooledMail } from "./yardsticks/bare-mails.ts";

/** Whom the benchmark's mails are from. */
export const FROM = "changes@provider.example";
/** Finished mails that the yardstick sends in turn. */
const FINISHED = 100;

/** Mails of the real renderer: finished ones, and the parts that a pool composes. */
export const renderMails = async (
  { sql, parts }: Stage,
  recipients: readonly Recipient[],
): Promise<{ mails: string[]; pooled: PooledMail }> => {
  const { rows } = await sql.query<{ no: number }>("SELECT no FROM notices WHERE kind = 'announcement' LIMIT 1");
  const [content] = await loadContents(sql, [rows[0]?.no ?? 0], "UTC");
  const organizer = readMailbox(FROM);
  if (!content || !organizer) throw new Error("there is no notice to copy");
  const { keyring, config } = parts;
  const templates = makeTemplates({ folder: undefined });
  const notices = makeNoticeMails({ templates, keyring, publicUrl: config.publicUrl, organizer });
  const now = new Date();
  const mails: string[] = [];
  for (const recipient of recipients.slice(0, FINISHED)) {
    const to = addresseeOf(content, recipient);
    const mail = composeMail({
      ...notices.encodedFor(content, to, now),
      from: organizer,
      to,
      messageId: `<${recipient.no}@provider.example>`,
      inReplyTo: null,
      date: now,
      headers: { "Auto-Submitted": "auto-generated", "Forewarn-Notice": content.notice.id },
    });
    mails.push(mail);
  }
  const [first] = recipients;
  if (!first) throw new Error("there is nobody to write to");
  const { subject, html, text, calendar } = notices.mailFor(content, addresseeOf(content, first), now);
  return { mails, pooled: { subject, html, text, calendar: calendar?.body ?? "" } };
};
