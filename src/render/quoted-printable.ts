import { encode, wrap } from "nodemailer/lib/qp";
import type { Encoding } from "./splice.ts";

/** RFC 2045 6.7 allows 76, of which a joint may take the last. */
const LINE = 75;

/**
 * Quoted-printable (RFC 2045, 6.7), piece by piece: between pieces stands a soft line break, which reads as nothing, so no
 * line grows too long whatever is filled in. Encoding is most of the cost of composing a mail; shared pieces bear it once.
 */
export const QUOTED_PRINTABLE: Encoding = {
  encode: (piece) => wrap(encode(piece.replace(/\r?\n/g, "\r\n")), LINE),
  joint: "=\r\n",
};
