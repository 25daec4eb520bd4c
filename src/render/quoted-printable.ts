import { encode, wrap } from "nodemailer/lib/qp";
import type { Encoding } from "./splice.ts";

/** RFC 2045 6.7 allows 76, of which a joint may take the last. */
const LINE = 75;
const JOINT = "=\r\n";

/** What stands for itself, wherever a line is broken: printable ASCII but for `=`, and no blank at an end. */
const PLAIN = /^[!-<>-~]+(?: [!-<>-~]+)*$/;

const broken = (plain: string): string => {
  let lines = plain.slice(0, LINE);
  for (let at = LINE; at < plain.length; at += LINE) lines += JOINT + plain.slice(at, at + LINE);
  return lines;
};

/**
 * Quoted-printable (RFC 2045, 6.7), piece by piece: between pieces stands a soft line break, which reads as nothing, so no
 * line grows too long whatever is filled in. What comes out is ASCII and ends its lines by CRLF and nothing else.
 *
 * Encoding is most of the cost of composing a mail; shared pieces bear it once. Nearly every name, address and link of a
 * recipient is plain already: a name and a
 * link take 0.2 µs to see that, and 2 µs to be encoded by the library (docs/performance.md).
 */
export const QUOTED_PRINTABLE: Encoding = {
  encode: (piece) => (PLAIN.test(piece) ? broken(piece) : wrap(encode(piece.replace(/\r\n?|\n/g, "\r\n")), LINE)),
  joint: JOINT,
};
