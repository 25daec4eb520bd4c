import { EVENT_BYTES } from "../domain/storable.ts";

/** Requests within a window of time; the next window starts afresh. */
export type Limit = { max: number; windowMs: number };

/** Sustained rates per key and scope used, and failed authentications per IP address. Generous: they stop floods, not work. */
export const LIMITS = {
  emit: { max: 10_000, windowMs: 10_000 },
  read: { max: 5_000, windowMs: 10_000 },
  admin: { max: 5_000, windowMs: 10_000 },
  public: { max: 1_000, windowMs: 10_000 },
  failedAuth: { max: 30, windowMs: 60_000 },
} as const satisfies Record<string, Limit>;

export type Limits = Record<keyof typeof LIMITS, Limit>;

/** Bounds of bodies, in bytes. */
export const BYTES = {
  event: EVENT_BYTES,
  batch: 100 * (EVENT_BYTES + 2) + 2,
  body: 256 * 1024,
  /** One line of an import. */
  line: 64 * 1024,
  import: 512 * 1024 * 1024,
  /** A mail server quotes a mail of ours at most whole. */
  bounce: 1024 * 1024,
} as const;

/** Events in a batch. */
export const BATCH_EVENTS = 100;

/** Objects and lists within each other, in any JSON body. */
export const JSON_DEPTH = 32;
