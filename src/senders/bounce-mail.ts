import PostalMime, { type Email } from "postal-mime";
import { readReports, readStatusFields, type RecipientReport } from "../domain/bounce.ts";

/** A delivery status notification (RFC 3464), as far as it says which mail of ours came to what. */
export type BounceMail = {
  reports: RecipientReport[];
  /** Ids of the kind that our `Message-ID` and ENVID are made of, `msg_…`. */
  mailIds: string[];
  /** Whom the returned mail was written to, in lower case. */
  to: string[];
};

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
 * Reads a raw mail; null when it is no delivery status notification. Only its machine-readable parts count: the status, the
 * returned headers and its own references, never the prose.
 */
export const readBounceMail = async (raw: Buffer): Promise<BounceMail | null> => {
  const mail = await parse(raw);
  if (!mail) return null;
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
