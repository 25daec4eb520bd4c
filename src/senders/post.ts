import { type Answer, Exchange, type Request } from "./exchange.ts";
import type { GuardedAgent } from "./guarded-agent.ts";

/** Calls `answered` once: with an error only for bugs. */
export type Post = (request: Request, signal: AbortSignal, answered: (answer: Answer | Error) => void) => void;

/**
 * Posts under one deadline, from the lookup to the end of the body; `signal` ends it likewise. It never fails for what
 * the other side does.
 */
export const makePost = ({ agent, timeoutMs }: { agent: GuardedAgent; timeoutMs: number }): Post => {
  /** In the order in which they began, which is that of their deadlines: one timer, for the first, serves all. */
  const running = new Set<Exchange>();
  const watched = new WeakSet<AbortSignal>();
  let timer: NodeJS.Timeout | null = null;

  const endLate = (): void => {
    const now = performance.now();
    for (const exchange of running) {
      if (exchange.endsAt > now) break;
      exchange.stop(`not done within ${timeoutMs} ms`);
    }
    const [first] = running;
    timer = first ? setTimeout(endLate, first.endsAt - now) : null;
  };
  /** One listener a signal: hundreds of exchanges share it, and adding a listener walks them all. */
  const watch = (signal: AbortSignal): void => {
    watched.add(signal);
    const endAll = (): void => {
      for (const exchange of running) if (exchange.signal === signal) exchange.stop("stopped by this side");
    };
    signal.addEventListener("abort", endAll, { once: true });
  };

  return (request, signal, answered) => {
    if (signal.aborted) return answered({ kind: "unanswered", stage: "waiting", why: "stopped by this side" });
    if (!watched.has(signal)) watch(signal);
    const exchange = new Exchange(request, { signal, endsAt: performance.now() + timeoutMs }, (answer) => {
      running.delete(exchange);
      answered(answer);
    });
    running.add(exchange);
    timer ??= setTimeout(endLate, timeoutMs);
    agent.post(exchange);
  };
};
