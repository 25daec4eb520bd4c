/** Whether a send to an origin may begin: it has as many in flight as it may, or has been silent and is left alone. */
export type Admission = { kind: "go" } | { kind: "full" } | { kind: "resting"; forMs: number };

/** What each receiving host is allowed of a sender process, by how it has answered lately. */
export type Origins = {
  ask(origin: string): Admission;
  begin(origin: string): void;
  /** `silent`: it took long and no answer came; a refusal, or a connection cut at once, holds up nobody. */
  end(origin: string, silent: boolean): void;
  /** Resolves at the next `end`, or after a moment: whoever waits asks again. */
  change(): Promise<void>;
};

type State = { inFlight: number; silences: number; restsUntil: number };

/** Sends at once to one origin; the webhook agent keeps as many connections. */
export const PER_ORIGIN = 32;
/** Silences in a row after which it is left alone. */
const SILENCES = 5;
const REST_MS = 30_000;
const MOMENT_MS = 250;
/** Origins that are remembered: there are as many as partners' addresses, and one that was silent may never be asked again. */
export const MOST_REMEMBERED = 10_000;

/**
 * One hanging host gets at most PER_ORIGIN sends at once, and after five silences in a row none for half a minute; then
 * one at a time until it answers. What is not begun is put off without using up an attempt.
 */
export const makeOrigins = (now: () => number = () => performance.now()): Origins => {
  const states = new Map<string, State>();
  let waiters: (() => void)[] = [];
  /** Forgets who has been remembered longest and has nothing in flight: its silences are counted anew. */
  const forgetOne = (): void => {
    for (const [origin, { inFlight }] of states) if (inFlight === 0) return void states.delete(origin);
  };
  return {
    ask: (origin) => {
      const state = states.get(origin);
      if (!state) return { kind: "go" };
      const forMs = state.restsUntil - now();
      if (forMs > 0) return { kind: "resting", forMs };
      return state.inFlight < (state.silences >= SILENCES ? 1 : PER_ORIGIN) ? { kind: "go" } : { kind: "full" };
    },
    begin: (origin) => {
      const known = states.get(origin);
      if (!known && states.size >= MOST_REMEMBERED) forgetOne();
      const state = known ?? { inFlight: 0, silences: 0, restsUntil: 0 };
      state.inFlight += 1;
      states.set(origin, state);
    },
    end: (origin, silent) => {
      const state = states.get(origin);
      if (state) {
        state.inFlight -= 1;
        state.silences = silent ? state.silences + 1 : 0;
        state.restsUntil = state.silences >= SILENCES ? now() + REST_MS : 0;
        if (state.inFlight === 0 && state.silences === 0) states.delete(origin);
      }
      const released = waiters;
      waiters = [];
      for (const release of released) release();
    },
    change: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, MOMENT_MS);
        waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
};
