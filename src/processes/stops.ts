import type { Log } from "../log.ts";

/** What was started, to be stopped in reverse order. */
export type Stops = {
  add(name: string, stop: () => Promise<void>): void;
  /** Stops each, last started first; one that fails or takes too long keeps no other from being stopped. Once only. */
  run(): Promise<void>;
};

/** Throws when `work` has not ended in time; what it still does then is nobody's business any more. */
const within = async (work: Promise<void>, ms: number): Promise<void> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`did not stop within ${ms} ms`)), ms);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
};

/** The parts that are stopped last, the servers, need about this long. */
const RESERVE_MS = 3_000;
const LEAST_MS = 500;

/** `limitMs` is how long all of them together may take; each leaves RESERVE_MS of it for those after it. */
export const makeStops = (log: Log, limitMs: number): Stops => {
  const started: { name: string; stop: () => Promise<void> }[] = [];
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    const endsAt = performance.now() + limitMs;
    for (const { name, stop } of started.toReversed()) {
      try {
        await within(stop(), Math.max(LEAST_MS, endsAt - performance.now() - RESERVE_MS));
      } catch (error) {
        log.error({ err: error, part: name }, "a part did not stop in good order");
      }
    }
  };
  return { add: (name, stop) => void started.push({ name, stop }), run: () => (running ??= run()) };
};
