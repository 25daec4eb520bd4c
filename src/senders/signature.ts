import { hash, randomBytes } from "node:crypto";
import { mac } from "../mac.ts";

const PREFIX = "whsec_";
const SECRET_BYTES = 32;
const BASE32 = Buffer.from("abcdefghijklmnopqrstuvwxyz234567");
const ID_PREFIX = "msg_";
const ID_CHARACTERS = 26;
/** One for the process: an id is made without a pause, and adding a character at a time leaves 26 strings behind. */
const idBytes = Buffer.from(ID_PREFIX + "-".repeat(ID_CHARACTERS));
const LONGEST_SECRET_BYTES = 64;

/**
 * The `webhook-id` of a delivery: `msg_` and the first 26 characters of base32 (RFC 4648, in lower case) over the
 * SHA-256 of its id. The same on every attempt, without a dot, and saying nothing of the delivery.
 */
export const webhookId = (deliveryId: string): string => {
  // A string, because the hash of one buffer after another costs three times as much.
  const digest = hash("sha256", deliveryId, "latin1");
  for (let no = 0; no < ID_CHARACTERS; no += 1) {
    const bit = no * 5;
    const two = (digest.charCodeAt(bit >> 3) << 8) | digest.charCodeAt((bit >> 3) + 1);
    idBytes[ID_PREFIX.length + no] = BASE32[(two >> (11 - (bit & 7))) & 31] ?? 0;
  }
  return idBytes.toString("latin1");
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
  return text.startsWith(PREFIX) &&
    bytes.length >= 24 &&
    bytes.length <= LONGEST_SECRET_BYTES &&
    bytes.toString("base64") === encoded
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

/** One for the process, as in `mac.ts`. */
const key = Buffer.alloc(LONGEST_SECRET_BYTES);

/**
 * The value of `webhook-signature`: `v1,<base64>` per secret, separated by spaces (Standard Webhooks, "Signature scheme":
 * HMAC-SHA256 over `id.timestamp.body`).
 *
 * It remembers no secret: to decode one again takes as long as to find it among 50,000, and what is remembered of each was
 * a quarter of the heap, which every collection looks through.
 */
export const sign = ({ id, timestamp, body, secrets }: Signed): string => {
  const text = `${id}.${timestamp}.`;
  let value = "";
  for (const secret of secrets) {
    const length = key.write(secret.slice(PREFIX.length), "base64");
    value += `${value && " "}v1,${mac(key.subarray(0, length), { text, body }, "base64")}`;
  }
  return value;
};
