import PostalMime, { type Email } from "postal-mime";
import { readReports, readStatusFields, type RecipientReport } from "../domain/bounce.ts";

/** A mail that somebody's mail program wrote to the address of our `List-Unsubscribe`. */
export type UnsubscribingMail = { kind: "unsubscribing"; token: string };

/** A delivery status notification (RFC 3464), as far as it says which mail of ours came to what. */
export type BounceMail = {
  kind: "report";
  reports: RecipientReport[];
  /** Ids of the kind that our `Message-ID` and ENVID are made of, `msg_…`. */
  mailIds: string[];
  /** Whom the returned mail was written to, in lower case. */
  to: string[];
};

/** The token of `unsubscribing` in email.ts. */
const UNSUBSCRIBING = /^\s*unsubscribe\s+([\w-]+\.[\w-]+)\s*$/i;
const MAIL_ID = /\bmsg_[a-z2-7]{26}\b/g;
/** More than any honest report quotes. */
const MOST = 20;
const LIMITS = { maxNestingDepth: 10, maxHeadersSize: 256 * 1024, forceRfc822Attachments: true } as const;

const textOf = (content: ArrayBuffer | Uint8Array | string): string =>
  typeof content === "string" ? content : new TextDecoder().decode(content);

/** Only the header lines of what was returned: a quoted body is somebody's text. */
const headersOf = (text: string): string => text.replace(/\r\n?/g, "\n").split("\n\n", 1)[0] ?? "";

const parse = async (raw: Buffer): Promise<Email | null> => {
  try {
    return await PostalMime.parse(raw, LIMITS);
  } catch {
    // Nested or headed beyond all measure: no mail server writes that.
    return null;
  }
};

/**
 * Reads a raw mail; null when it is neither a delivery status notification nor a mail that unsubscribes. Of a notification only its
 * machine-readable parts count: the status, the returned headers and its own references, never the prose.
 */
export const readReturnedMail = async (raw: Buffer): Promise<BounceMail | UnsubscribingMail | null> => {
  const mail = await parse(raw);
  if (!mail) return null;
  const [, token] = UNSUBSCRIBING.exec(mail.subject ?? "") ?? [];
  if (token !== undefined) return { kind: "unsubscribing", token };
  const partsOf = (...types: string[]) =>
    mail.attachments.filter(({ mimeType }) => types.includes(mimeType)).map(({ content }) => textOf(content));
  const groups = partsOf("message/delivery-status", "message/global-delivery-status").flatMap(readStatusFields);
  const reports = readReports(groups).slice(0, MOST);
  if (reports.length === 0) return null;

  const returned = partsOf("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers").map(
    headersOf,
  );
  const envelopeIds = groups.flatMap((fields) =>
    ["original-envelope-id", "x-original-message-id"].flatMap((name) => fields.get(name) ?? []),
  );
  const quoted = [...envelopeIds, ...returned, mail.inReplyTo ?? "", mail.references ?? ""].join("\n");
  const to = returned.flatMap((headers) => [...headers.matchAll(/^to:(?:.*\n[ \t])*.*$/gim)].map(([line]) => line));
  return {
    kind: "report",
    reports,
    mailIds: [...new Set(quoted.match(MAIL_ID) ?? [])].slice(0, MOST),
    to: [
      ...new Set(
        to
          .join("\n")
          .toLowerCase()
          .match(/[^\s<>,;:"]+@[^\s<>,;:"]+/g) ?? [],
      ),
    ].slice(0, MOST),
  };
};
