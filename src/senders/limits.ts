/** Something under way that can be ended from this side. */
export type Endable = { end(why: string): void };

/** How long one attempt may take, and who is to be told when it is over. */
export class Limit implements Endable {
  /** Why it is over; null while it lasts. */
  reason: string | null = null;
  /** Called when it ends, with what is under way just then. */
  onEnd: (() => void) | null = null;
  end(why: string): void {
    if (this.reason !== null) return;
    this.reason = why;
    this.onEnd?.();
  }
}

/** One that has begun: a link of the list of all, from the eldest to the youngest. */
export type Begun = { one: Endable; signal: AbortSignal; endsAt: number; elder: Begun | null; younger: Begun | null };

export type Limits = {
  /** Ends it after the limits' time, or when `signal` aborts: at once, answering null, when it has. */
  begin(one: Endable, signal: AbortSignal): Begun | null;
  /** It is over by itself; told again it does nothing. */
  done(begun: Begun | null): void;
};

/**
 * Limits of one length; `late` and `stopped` say why one ended. One timer serves all of them, and one listener those of a
 * signal: an AbortController, a timer and three listeners for each mail took 40 µs of 215 (docs/performance.md).
 *
 * They are linked by hand where a Map would do. A Map that much goes through is copied every few hundred entries; V8 lets
 * each former copy point to the next, so that one that has grown old keeps all after it alive, with everything that was in
 * flight: nearly every request of a sender was moved to the old generation. What is done points to nothing.
 */
export const makeLimits = ({
  timeoutMs,
  late,
  stopped,
}: {
  timeoutMs: number;
  late: string;
  stopped: string;
}): Limits => {
  let eldest: Begun | null = null;
  let youngest: Begun | null = null;
  const watched = new WeakSet<AbortSignal>();
  let timer: NodeJS.Timeout | null = null;

  const isLinked = (begun: Begun): boolean => begun.elder !== null || eldest === begun;
  const unlink = (begun: Begun): void => {
    const { elder, younger } = begun;
    if (elder) elder.younger = younger;
    else eldest = younger;
    if (younger) younger.elder = elder;
    else youngest = elder;
    begun.elder = null;
    begun.younger = null;
  };

  const endLate = (): void => {
    const now = performance.now();
    for (let begun = eldest; begun && begun.endsAt <= now; begun = eldest) {
      unlink(begun);
      begun.one.end(late);
    }
    timer = eldest ? setTimeout(endLate, eldest.endsAt - now) : null;
  };
  const watch = (signal: AbortSignal): void => {
    watched.add(signal);
    const endAll = (): void => {
      const its: Endable[] = [];
      for (let begun = eldest; begun; begun = begun.younger) if (begun.signal === signal) its.push(begun.one);
      for (const one of its) one.end(stopped);
    };
    signal.addEventListener("abort", endAll, { once: true });
  };

  return {
    begin: (one, signal) => {
      if (signal.aborted) {
        one.end(stopped);
        return null;
      }
      if (!watched.has(signal)) watch(signal);
      const begun: Begun = { one, signal, endsAt: performance.now() + timeoutMs, elder: youngest, younger: null };
      if (youngest) youngest.younger = begun;
      else eldest = begun;
      youngest = begun;
      timer ??= setTimeout(endLate, timeoutMs);
      return begun;
    },
    done: (begun) => {
      if (!begun || !isLinked(begun)) return;
      unlink(begun);
      if (eldest || timer === null) return;
      clearTimeout(timer);
      timer = null;
    },
  };
};
