import { hash } from "node:crypto";

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** The two pads of RFC 2104, section 2. */
const INNER = 0x36;
const OUTER = 0x5c;
/** UTF-16 to UTF-8 grows a text to at most this often its length. */
const WIDEST = 3;

export type Mac = (
  what: { text: string; body?: Buffer | undefined },
  encoding: "base64" | "base64url" | "latin1",
) => string;

/** One for the process: a mac is made without a pause, so nobody else can come between. */
let inner = Buffer.alloc(8_192);
const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);

/**
 * A key's bytes against a pad, as a text: a sender keeps two of these for each of its endpoints' secrets. A buffer of 128
 * bytes would be a piece of Node's pool, and keep 8 KB of it alive with all the bodies that were cut from the same piece:
 * 1.6 KB an endpoint where this takes 160 bytes.
 */
const padOf = (key: Uint8Array, pad: number): string => {
  const bytes = new Uint8Array(BLOCK_BYTES).fill(pad);
  for (const [at, byte] of key.entries()) bytes[at] = byte ^ pad;
  return Buffer.from(bytes.buffer).toString("latin1");
};

/**
 * HMAC-SHA256 (RFC 2104) under one key, over `text` in UTF-8 and then `body`.
 *
 * Two of these are made for every webhook. It is written over the one-shot `hash`, into buffers that are kept, because each
 * `createHmac` makes a stream with a native object behind it, which costs again when it is collected: 3.9 µs a signature
 * of 1 KB and 5.1 µs a page's token, against 3.6 and 2.2 µs here (docs/performance.md). A test holds it against `createHmac`.
 */
export const makeMac = (key: Uint8Array): Mac => {
  const short = key.length > BLOCK_BYTES ? Buffer.from(hash("sha256", key, "latin1"), "latin1") : key;
  const innerPad = padOf(short, INNER);
  const outerPad = padOf(short, OUTER);
  return ({ text, body }, encoding) => {
    const most = BLOCK_BYTES + text.length * WIDEST + (body?.length ?? 0);
    if (inner.length < most) inner = Buffer.alloc(most * 2);
    inner.write(innerPad, 0, "latin1");
    let length = BLOCK_BYTES + inner.write(text, BLOCK_BYTES, "utf8");
    if (body) length += body.copy(inner, length);
    outer.write(outerPad, 0, "latin1");
    outer.write(hash("sha256", inner.subarray(0, length), "latin1"), BLOCK_BYTES, "latin1");
    return hash("sha256", outer, encoding);
  };
};
