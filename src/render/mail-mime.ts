import addressparser from "nodemailer/lib/addressparser";
import MailComposer from "nodemailer/lib/mail-composer";
import { domainToASCII } from "node:url";
import { plainLine } from "./plain-text.ts";

export type Mailbox = { name: string; address: string };

/** A mail's own headers and parts, before it is encoded. */
export type MailParts = {
  from: Mailbox;
  to: Mailbox;
  subject: string;
  /** In quoted-printable, both. */
  html: string;
  text: string;
  /** Likewise; `method` is the iCalendar object's own. */
  calendar: { method: string; body: string } | null;
  /** With angle brackets. */
  messageId: string;
  /** The mail that began the thread; null when this one does. */
  inReplyTo: string | null;
  date: Date;
  /** Further headers by name. */
  headers: Readonly<Record<string, string>>;
};

/** RFC 5321 4.5.3.1: 64 octets before the sign, 255 after; a path of 256. */
const LONGEST_LOCAL = 64;
const LONGEST = 254;
const LOCAL = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

/**
 * One mail address with its domain in ASCII; null when it is not exactly one, so that no text can name a second
 * recipient or a header. Quoted local parts and address literals are not taken.
 *
 * @example mailAddress("dev@bücher.example") // "dev@xn--bcher-kva.example"
 */
export const mailAddress = (text: string): string | null => {
  const sign = text.lastIndexOf("@");
  const local = text.slice(0, sign);
  const domain = domainToASCII(text.slice(sign + 1));
  const address = `${local}@${domain}`;
  const fits = Buffer.byteLength(local) <= LONGEST_LOCAL && Buffer.byteLength(address) <= LONGEST;
  // domainToASCII reads a host as a browser does and would mend what is not one: "a.example/b" must not become "a.example".
  const whole = !/[\s/\\?#:[\]<>()",;@%]/u.test(text.slice(sign + 1));
  return sign > 0 && whole && fits && LOCAL.test(local) && DOMAIN.test(domain) ? address : null;
};

/** `API changes <changes@example.com>`, or a bare address, as MAIL_FROM gives it; null when it is not one sender. */
export const readMailbox = (text: string): Mailbox | null => {
  const parsed = addressparser(text, { flatten: true });
  const [only] = parsed;
  const address = parsed.length === 1 && only ? mailAddress(only.address) : null;
  return only && address !== null ? { name: plainLine(only.name), address } : null;
};

/** Fit for a header, and no encoded word of somebody's own (RFC 2047), which readers would decode to what was kept out. */
const headerText = (text: string): string => plainLine(text).replaceAll("=?", "= ?");

const encodedPart = (type: string, body: string): string =>
  `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${body}`;

/** Only tells nodemailer which parts there are; what they hold is set in below, as it is. */
const PLACE = { raw: "-" };

/**
 * The mail as it goes over the wire: CRLF lines within 998 octets, every header folded and encoded.
 *
 * nodemailer encodes the headers and names the boundary, as those hold what a recipient's data could abuse; the bodies are
 * encoded already, so they are set between the boundaries here (RFC 2046, 5.1.1). Having nodemailer's streams do that,
 * line by line, took more than half of all that a mail cost (docs/performance.md).
 */
export const composeMail = async (mail: MailParts): Promise<Buffer> => {
  const root = new MailComposer({
    from: mail.from,
    to: { name: headerText(mail.to.name), address: mail.to.address },
    subject: headerText(mail.subject),
    messageId: mail.messageId,
    ...(mail.inReplyTo === null ? {} : { inReplyTo: mail.inReplyTo, references: mail.inReplyTo }),
    date: mail.date,
    headers: Object.fromEntries(Object.entries(mail.headers).map(([name, value]) => [name, headerText(value)])),
    text: PLACE,
    html: PLACE,
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  const headers = root.buildHeaders();
  const parts = [encodedPart("text/plain", mail.text), encodedPart("text/html", mail.html)];
  if (mail.calendar) parts.push(encodedPart(`text/calendar; method=${mail.calendar.method}`, mail.calendar.body));
  let text = `${headers}\r\n`;
  for (const part of parts) text += `\r\n--${root.boundary}\r\n${part}`;
  return Buffer.from(`${text}\r\n--${root.boundary}--\r\n`);
};
