import { elapsedMs } from "./duration.ts";
import type { IsoDuration } from "./duration.ts";

export type FailedAttempt = {
  /** The gaps between attempts, the policy's for the channel. */
  schedule: readonly IsoDuration[];
  /** Attempts made, the one that just failed included. */
  attempts: number;
  /** The receiver's own wish, already bounded to 24 h; null when it has none. */
  retryAfterMs: number | null;
  /** From 0 up to, but not, 1: spreads out the attempts that failed together. */
  random: number;
};

export type NextAttempt = { kind: "retry"; afterMs: number } | { kind: "exhausted" };

/** A gap grows by up to this share of itself. */
const JITTER = 0.1;

/**
 * When to try again after an attempt that failed for now: the schedule's gap and up to 10 % more, or the receiver's
 * `Retry-After` where that is longer (RFC 9110, section 10.2.3), or never again once the gaps are used up.
 *
 * With the default policy a webhook is tried 10 times within 75 h 35 min 5 s (at most 83 h 8 min 36 s with jitter):
 *
 *     PT5S   PT5M    PT30M    PT2H      PT5H      PT10H      PT14H      PT20H      PT24H
 *     0:05   5:05    35:05    2:35:05   7:35:05   17:35:05   31:35:05   51:35:05   75:35:05
 *
 * and a mail 9 times within 65 h 21 min (at most 71 h 53 min 6 s).
 *
 * Throws RangeError when no attempt was made: there is nothing to repeat.
 *
 * @example nextAttempt({ schedule: ["PT5S", "PT5M"], attempts: 2, retryAfterMs: null, random: 0 }) // { kind: "retry", afterMs: 300000 }
 */
export const nextAttempt = ({ schedule, attempts, retryAfterMs, random }: FailedAttempt): NextAttempt => {
  if (!Number.isInteger(attempts) || attempts < 1) throw new RangeError(`${attempts} attempts cannot have failed`);
  const gap = schedule[attempts - 1];
  if (gap === undefined) return { kind: "exhausted" };
  const gapMs = elapsedMs(gap);
  return { kind: "retry", afterMs: Math.max(Math.round(gapMs * (1 + JITTER * random)), retryAfterMs ?? 0) };
};
