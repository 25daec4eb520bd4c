import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { mac } from "./mac.ts";

/** Everything that FOREWARN_SECRET protects; each use has a key of its own, derived by HKDF-SHA256. */
export type Keyring = {
  /** AES-256-GCM, a fresh nonce each time: 12 bytes nonce, 16 bytes tag, then the ciphertext. */
  seal(plain: string): Buffer;
  /** Throws when the bytes were not sealed under this secret. */
  open(sealed: Buffer): string;
  /**
   * A URL-safe token for a partner's page of a change (`null`: the partner's home); hard to forge, the same each time.
   * Tokens of an epoch before the partner's own no longer open anything.
   */
  pageToken(partner: string, change: string | null, epoch?: number): string;
  /** What a token was made of; null when it was not made under this secret. */
  readPageToken(token: string): PageSubject | null;
  /** For a partner's calendar feed alone, which other programs keep. */
  calendarToken(partner: string, epoch?: number): string;
  readCalendarToken(token: string): { partner: string; epoch: number } | null;
  /** For ending one endpoint's mails, and taking that back; it outlives every epoch (RFC 8058, 3.1). */
  unsubscribeToken(endpoint: number): string;
  readUnsubscribeToken(token: string): number | null;
};

/** What a page's token opens. */
export type PageSubject = { partner: string; change: string | null; epoch: number };

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAC_BYTES = 20;

/** Links of the first epoch are as short as they were before there were any. */
const epochPart = (epoch: number): string[] => (epoch === 0 ? [] : [String(epoch)]);

/** Signs lists of ids, and reads them back: one purpose's tokens mean nothing for another, whose key differs. */
const makeLinks = (key: Buffer) => {
  const macOf = (subject: string): Buffer =>
    Buffer.from(mac(key, { text: subject }, "latin1").slice(0, MAC_BYTES), "latin1");
  return {
    // Ids hold no dot, so the subject reads back without ambiguity.
    token: (parts: readonly string[]): string => {
      const subject = parts.join(".").replace(/\.$/, "");
      return `${Buffer.from(subject).toString("base64url")}.${macOf(subject).toString("base64url")}`;
    },
    read: (token: string): string[] | null => {
      const [encoded, signature, ...rest] = token.split(".");
      if (!encoded || !signature || rest.length > 0) return null;
      const subject = Buffer.from(encoded, "base64url").toString("utf8");
      const given = Buffer.from(signature, "base64url");
      const expected = macOf(subject);
      return given.length === expected.length && timingSafeEqual(given, expected) ? subject.split(".") : null;
    },
  };
};

export const makeKeyring = (secret: string): Keyring => {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync("sha256", secret, "forewarn", use, 32));
  const sealing = derive("webhook-secrets");
  const pages = makeLinks(derive("page-links"));
  const calendars = makeLinks(derive("calendar-links"));
  const unsubscribing = makeLinks(derive("unsubscribe-links"));

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
    pageToken: (partner, change, epoch = 0) => pages.token([partner, change ?? "", ...epochPart(epoch)]),
    readPageToken: (token) => {
      const [partner, change, epoch] = pages.read(token) ?? [];
      return partner ? { partner, change: change || null, epoch: Number(epoch ?? 0) } : null;
    },
    calendarToken: (partner, epoch = 0) => calendars.token([partner, ...epochPart(epoch)]),
    readCalendarToken: (token) => {
      const [partner, epoch] = calendars.read(token) ?? [];
      return partner ? { partner, epoch: Number(epoch ?? 0) } : null;
    },
    unsubscribeToken: (endpoint) => unsubscribing.token([String(endpoint)]),
    readUnsubscribeToken: (token) => {
      const [endpoint] = unsubscribing.read(token) ?? [];
      return endpoint === undefined ? null : Number(endpoint);
    },
  };
};
