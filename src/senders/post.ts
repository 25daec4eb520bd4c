import { type Answer, Exchange, type Request } from "./exchange.ts";
import type { GuardedAgent } from "./guarded-agent.ts";
import { type Begun, makeLimits } from "./limits.ts";

/** Calls `answered` once: with an error only for bugs. */
export type Post = (request: Request, signal: AbortSignal, answered: (answer: Answer | Error) => void) => void;

/**
 * Posts under one deadline, from the lookup to the end of the body; `signal` ends it likewise. It never fails for what
 * the other side does.
 */
export const makePost = ({ agent, timeoutMs }: { agent: GuardedAgent; timeoutMs: number }): Post => {
  const limits = makeLimits({ timeoutMs, late: `not done within ${timeoutMs} ms`, stopped: "stopped by this side" });
  return (request, signal, answered) => {
    let begun: Begun | null = null;
    const exchange = new Exchange(request, (answer) => {
      limits.done(begun);
      answered(answer);
    });
    begun = limits.begin(exchange, signal);
    if (exchange.wanted) agent.post(exchange);
  };
};
