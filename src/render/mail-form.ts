import MailComposer from "nodemailer/lib/mail-composer";
import { foldLines, quoteString } from "nodemailer/lib/mime-funcs";
import MimeNode from "nodemailer/lib/mime-node";
import type { Mailbox } from "./mail-mime.ts";
import { plainLine } from "./plain-text.ts";

/** What a mail says to all who get it. */
export type SharedParts = {
  from: Mailbox;
  subject: string;
  /** Of the calendar part: the iCalendar object's own; null where there is none. */
  method: string | null;
  /** Further headers by name. */
  headers: Readonly<Record<string, string>>;
};

/** What it says to one. The bodies are in quoted-printable. */
export type OwnParts = {
  to: Mailbox;
  text: string;
  html: string;
  /** Empty where there is none. */
  calendar: string;
  /** With angle brackets. */
  messageId: string;
  /** The mail that began the thread; null when this one does. */
  inReplyTo: string | null;
  date: Date;
  /** Further headers of one's own, by names as they are usually written. */
  headers: Readonly<Record<string, string>>;
};

/** The mail as it goes over the wire: CRLF lines within 998 octets, every header folded and encoded. */
export type MailForm = (own: OwnParts) => string;

/** Fit for a header, and no encoded word of somebody's own (RFC 2047), which readers would decode to what was kept out. */
const headerText = (text: string): string => plainLine(text).replaceAll("=?", "= ?");

/** nodemailer's, for whatever is not plain; it keeps nothing of what it encodes. */
const ENCODER = new MimeNode(false);

/** Printable ASCII with single blanks within: nodemailer would leave it as it is, or put a name into quotes. */
const PLAIN_VALUE = /^[!-~]+(?: [!-~]+)*$/;
const BARE_NAME = /^[\w ]+$/;
const PLAIN_ADDRESS = /^[\w.+-]+@[a-z\d.-]+$/;

/** nodemailer leaves a shorter line as it is, after it has taken it apart. */
const LINE = 76;
const folded = (line: string): string => `${line.length < LINE ? line : foldLines(line)}\r\n`;

/** One header line, or several, as nodemailer writes it; values of another alphabet are its encoder's. */
const line = (name: string, text: string): string => {
  const value = PLAIN_VALUE.test(text) ? text : ENCODER.encodeHeaderValue(name, text);
  return folded(`${name}: ${value}`);
};

const mailboxText = (name: string, address: string): string => {
  if (name === "" && PLAIN_ADDRESS.test(address)) return address;
  if (!PLAIN_VALUE.test(name) || !PLAIN_ADDRESS.test(address))
    return ENCODER.encodeHeaderValue("To", [{ name, address }]);
  return `${BARE_NAME.test(name) ? name : quoteString(name)} <${address}>`;
};

const toLine = ({ name, address }: Mailbox): string => folded(`To: ${mailboxText(headerText(name), address)}`);

/** The same for all that are sent within a second: writing a date takes longer than any other line. */
let dated = { second: Number.NaN, line: "" };
const dateLine = (date: Date): string => {
  const second = Math.floor(date.getTime() / 1_000);
  if (second !== dated.second) dated = { second, line: `Date: ${date.toUTCString().replace("GMT", "+0000")}\r\n` };
  return dated.line;
};

const ownLines = (headers: Readonly<Record<string, string>>): string => {
  let lines = "";
  for (const name of Object.keys(headers)) lines += line(name, headerText(headers[name] ?? ""));
  return lines;
};

/** The lines that are each recipient's own, by the name of the header in whose place they stand. */
const OWN: Readonly<Record<string, (own: OwnParts) => string>> = {
  "X-Own": ({ headers }) => ownLines(headers),
  To: ({ to }) => toLine(to),
  "Message-ID": ({ messageId }) => line("Message-ID", messageId),
  "In-Reply-To": ({ inReplyTo }) => (inReplyTo === null ? "" : line("In-Reply-To", inReplyTo)),
  References: ({ inReplyTo }) => (inReplyTo === null ? "" : line("References", inReplyTo)),
  Date: ({ date }) => dateLine(date),
};

/** `=_` cannot stand in quoted-printable, so no body can hold a boundary, known or not (RFC 2045, 6.7). */
const BOUNDARY_PREFIX = "=_Forewarn";

/** Only tells nodemailer which parts there are; what they hold is set in by the form, as it is. */
const PLACE = { raw: "-" };

const partHead = (type: string): string =>
  `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n`;

/** The headers, shared ones as text and one's own by what writes them. */
const headersOf = (headers: string): (string | ((own: OwnParts) => string))[] =>
  headers.split(/\r\n(?![ \t])/).map((field) => OWN[field.slice(0, field.indexOf(":"))] ?? `${field}\r\n`);

/**
 * A mail whose shared headers nodemailer has encoded, ready to be filled in for each recipient.
 *
 * nodemailer's composer takes 200 µs a mail, nearly all of it for headers that are the same for everybody, and its streams
 * another 700 to join bodies that are encoded already; filling a form takes 15 to 20 (docs/performance.md). A recipient's own
 * values are written as they are only where an expression has seen that nodemailer would leave them so, and are given to
 * its encoder otherwise: a test holds the mails against nodemailer's own, byte for byte.
 */
export const makeMailForm = ({ from, subject, method, headers }: SharedParts): MailForm => {
  const root = new MailComposer({
    from,
    to: "own@own.invalid",
    subject: headerText(subject),
    messageId: "<own@own.invalid>",
    inReplyTo: "<own@own.invalid>",
    references: "<own@own.invalid>",
    headers: {
      "X-Own": "own",
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, headerText(value)])),
    },
    text: PLACE,
    html: PLACE,
    boundaryPrefix: BOUNDARY_PREFIX,
    disableFileAccess: true,
    disableUrlAccess: true,
  }).compile();
  const lines = headersOf(root.buildHeaders());
  const open = `--${root.boundary}\r\n`;
  const [text, html] = [`\r\n${open}${partHead("text/plain")}`, `\r\n${open}${partHead("text/html")}`];
  const calendar = method === null ? "" : `\r\n${open}${partHead(`text/calendar; method=${method}`)}`;
  const end = `\r\n--${root.boundary}--\r\n`;
  return (own) => {
    let mail = "";
    for (const field of lines) mail += typeof field === "string" ? field : field(own);
    return mail + text + own.text + html + own.html + calendar + own.calendar + end;
  };
};

/** The parts of a mail that is sent once. */
export type MailParts = Pick<SharedParts, "from" | "subject"> &
  Omit<OwnParts, "calendar"> & { calendar: { method: string; body: string } | null };

export const composeMail = ({ from, subject, calendar, ...own }: MailParts): string =>
  makeMailForm({ from, subject, method: calendar?.method ?? null, headers: {} })({
    ...own,
    calendar: calendar?.body ?? "",
  });
