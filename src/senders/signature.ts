import { createHmac, hash, randomBytes } from "node:crypto";

const PREFIX = "whsec_";
const SECRET_BYTES = 32;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const ID_CHARACTERS = 26;
/** Far more secrets than one process signs with at a time; forgetting them all costs one decoding each. */
const MAX_CACHED = 10_000;

/**
 * The `webhook-id` of a delivery: `msg_` and the first 26 characters of base32 (RFC 4648, in lower case) over the
 * SHA-256 of its id. The same on every attempt, without a dot, and saying nothing of the delivery.
 */
export const webhookId = (deliveryId: string): string => {
  const digest = hash("sha256", deliveryId, "buffer");
  let id = "msg_";
  for (let at = 0; at < ID_CHARACTERS * 5; at += 5) {
    const two = digest.readUInt16BE(at >> 3);
    id += BASE32.charAt((two >> (11 - (at & 7))) & 31);
  }
  return id;
};

/** A fresh webhook secret of 32 random bytes, `whsec_…`. */
export const newSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString("base64");

/** `problem` completes "the secret …". */
export type SecretVerdict = { ok: true } | { ok: false; problem: string };

/** Whether a secret that somebody gives is `whsec_` and the padded base64 of 24 to 64 bytes (Standard Webhooks). */
export const checkSecret = (text: string): SecretVerdict => {
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, "base64");
  // Node skips what is not base64: only what reads back the same was clean.
  return text.startsWith(PREFIX) && bytes.length >= 24 && bytes.length <= 64 && bytes.toString("base64") === encoded
    ? { ok: true }
    : {
        ok: false,
        problem: "is not whsec_ and the base64 of 24 to 64 bytes; leave it out to be given one",
      };
};

export type Signed = {
  id: string;
  /** Whole seconds since 1970, of the attempt. */
  timestamp: number;
  body: Buffer;
  /** Live secrets, newest first; each adds a signature, so that receivers can rotate. */
  secrets: readonly string[];
};

/**
 * A signer with a memory of decoded secrets. It gives the value of `webhook-signature`: `v1,<base64>` per secret,
 * separated by spaces (Standard Webhooks, "Signature scheme": HMAC-SHA256 over `id.timestamp.body`).
 */
export const makeSigner = (): ((signed: Signed) => string) => {
  const keys = new Map<string, Buffer>();
  const keyOf = (secret: string): Buffer => {
    const known = keys.get(secret);
    if (known) return known;
    if (keys.size >= MAX_CACHED) keys.clear();
    const key = Buffer.from(secret.slice(PREFIX.length), "base64");
    keys.set(secret, key);
    return key;
  };
  return ({ id, timestamp, body, secrets }) => {
    const lead = `${id}.${timestamp}.`;
    return secrets
      .map((secret) => `v1,${createHmac("sha256", keyOf(secret)).update(lead).update(body).digest("base64")}`)
      .join(" ");
  };
};
