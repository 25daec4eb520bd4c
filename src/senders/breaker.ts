import type { Clock } from "../clock.ts";

/**
 * Who moves it on: `closed` → `open` by a permit that failed; `open` → `probing` by the first asked for once `openMs` has
 * passed; `probing` → `closed` or `open` by that probe. A success of any permit closes it.
 */
type State = { kind: "closed" } | { kind: "open"; since: number } | { kind: "probing" };

/** Leave to try once. Exactly one of its calls counts, the first. */
export type Permit = {
  succeeded(): void;
  /** True when this failure opened the breaker. */
  failed(): boolean;
  /** Nothing was learned: a probe's place goes to the next that asks. */
  abandoned(): void;
};

export type Breaker = {
  /** Leave to try, or null while it is open: then the answer is to wait. */
  admit(): Permit | null;
  /** Whether `admit` would answer null now. */
  refuses(): boolean;
};

/** Spares a peer that cannot be reached: after a failure everything waits `openMs`, then one at a time may probe. */
export const makeBreaker = ({ clock, openMs }: { clock: Clock; openMs: number }): Breaker => {
  let state: State = { kind: "closed" };

  const waits = (since: number): boolean => {
    const open = clock.now().getTime() - since;
    // A clock that was set back must not keep it open for long.
    return open >= 0 && open < openMs;
  };

  const permit = (probe: boolean, openedAt: number): Permit => {
    let used = false;
    const once = (): boolean => {
      const first = !used;
      used = true;
      return first;
    };
    return {
      succeeded: () => {
        if (once()) state = { kind: "closed" };
      },
      failed: () => {
        if (!once()) return false;
        const wasClosed = state.kind === "closed";
        if (wasClosed || probe) state = { kind: "open", since: clock.now().getTime() };
        return wasClosed;
      },
      abandoned: () => {
        if (once() && probe && state.kind === "probing") state = { kind: "open", since: openedAt };
      },
    };
  };

  const refuses = (): boolean => state.kind === "probing" || (state.kind === "open" && waits(state.since));

  return {
    refuses,
    admit: () => {
      if (refuses()) return null;
      if (state.kind !== "open") return permit(false, 0);
      const openedAt = state.since;
      state = { kind: "probing" };
      return permit(true, openedAt);
    },
  };
};
