import { domainToASCII } from "node:url";
import addressparser from "nodemailer/lib/addressparser";
import { plainLine } from "./plain-text.ts";

export type Mailbox = { name: string; address: string };

/** RFC 5321 4.5.3.1: 64 octets before the sign, 255 after; a path of 256. */
const LONGEST_LOCAL = 64;
const LONGEST = 254;
const LOCAL = /^[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+(?:\.[\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]+)*$/u;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

/** Names in lower case that need no putting into ASCII; a last one of digits would be read as a part of an IPv4 address. */
const PLAIN = /^[\w+-]+(?:\.[\w+-]+)*@(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)*[a-z](?:[a-z\d-]*[a-z\d])?$/;

/**
 * One mail address with its domain in ASCII; null when it is not exactly one, so that no text can name a second
 * recipient or a header. Quoted local parts and address literals are not taken.
 *
 * @example mailAddress("dev@bücher.example") // "dev@xn--bcher-kva.example"
 */
export const mailAddress = (text: string): string | null => {
  const sign = text.lastIndexOf("@");
  // Nearly all are: it takes 0.3 µs to see that, and 1.8 to come to the same by the rest (docs/performance.md).
  if (sign <= LONGEST_LOCAL && text.length <= LONGEST && PLAIN.test(text)) return text;
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
