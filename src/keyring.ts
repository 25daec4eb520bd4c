import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";

/** Everything that FOREWARN_SECRET protects; each use has a key of its own, derived by HKDF-SHA256. */
export type Keyring = {
  /** AES-256-GCM, a fresh nonce each time: 12 bytes nonce, 16 bytes tag, then the ciphertext. */
  seal(plain: string): Buffer;
  /** Throws when the bytes were not sealed under this secret. */
  open(sealed: Buffer): string;
  /** A URL-safe token for a partner's page of a change (`null`: the partner's home); hard to forge, the same each time. */
  pageToken(partner: string, change: string | null): string;
  /** What a token was made of; null when it was not made under this secret. */
  readPageToken(token: string): { partner: string; change: string | null } | null;
};

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAC_BYTES = 20;

export const makeKeyring = (secret: string): Keyring => {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync("sha256", secret, "forewarn", use, 32));
  const sealing = derive("webhook-secrets");
  const linking = derive("page-links");
  const mac = (subject: string): Buffer =>
    createHmac("sha256", linking).update(subject).digest().subarray(0, MAC_BYTES);

  return {
    seal: (plain) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", sealing, nonce);
      const body = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), body]);
    },
    open: (sealed) => {
      const decipher = createDecipheriv("aes-256-gcm", sealing, sealed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
        "utf8",
      );
    },
    // Ids hold no dot, so the subject reads back without ambiguity.
    pageToken: (partner, change) => {
      const subject = change === null ? partner : `${partner}.${change}`;
      return `${Buffer.from(subject).toString("base64url")}.${mac(subject).toString("base64url")}`;
    },
    readPageToken: (token) => {
      const [encoded, signature, ...rest] = token.split(".");
      if (!encoded || !signature || rest.length > 0) return null;
      const subject = Buffer.from(encoded, "base64url").toString("utf8");
      const given = Buffer.from(signature, "base64url");
      const expected = mac(subject);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      const [partner, change] = subject.split(".");
      return partner ? { partner, change: change ?? null } : null;
    },
  };
};
