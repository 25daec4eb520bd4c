/** How long one attempt may take, and who is to be told when it is over. */
export class Limit {
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

export type Limits = {
  /** One that ends `timeoutMs` from now, or when `signal` aborts. */
  begin(signal: AbortSignal): Limit;
  /** It is needed no more. */
  done(limit: Limit): void;
};

/**
 * Limits of one length. One timer serves all of them, and one listener those of a signal: an AbortController, a timer and
 * three listeners for each mail took 40 µs of 215 (docs/performance.md).
 */
export const makeLimits = ({ timeoutMs, stopped }: { timeoutMs: number; stopped: string }): Limits => {
  /** In the order in which they began, which is that of their ends. */
  const running = new Map<Limit, { signal: AbortSignal; endsAt: number }>();
  const watched = new WeakSet<AbortSignal>();
  let timer: NodeJS.Timeout | null = null;

  const endLate = (): void => {
    const now = performance.now();
    for (const [limit, { endsAt }] of running) {
      if (endsAt > now) break;
      running.delete(limit);
      limit.end(`no answer within ${timeoutMs} ms`);
    }
    const [first] = running.values();
    timer = first ? setTimeout(endLate, first.endsAt - now) : null;
  };
  const watch = (signal: AbortSignal): void => {
    watched.add(signal);
    const endAll = (): void => {
      for (const [limit, { signal: its }] of running) if (its === signal) limit.end(stopped);
    };
    signal.addEventListener("abort", endAll, { once: true });
  };

  return {
    begin: (signal) => {
      const limit = new Limit();
      if (signal.aborted) limit.end(stopped);
      else if (!watched.has(signal)) watch(signal);
      running.set(limit, { signal, endsAt: performance.now() + timeoutMs });
      timer ??= setTimeout(endLate, timeoutMs);
      return limit;
    },
    done: (limit) => {
      running.delete(limit);
      limit.onEnd = null;
      if (running.size > 0 || timer === null) return;
      clearTimeout(timer);
      timer = null;
    },
  };
};
