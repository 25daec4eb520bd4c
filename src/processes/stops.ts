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

/** `limitMs` is how long all of them together may take; each has at most half of what is left of it. */
export const makeStops = (log: Log, limitMs: number): Stops => {
  const started: { name: string; stop: () => Promise<void> }[] = [];
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    const endsAt = performance.now() + limitMs;
    for (const { name, stop } of started.toReversed()) {
      try {
        await within(stop(), Math.max(500, (endsAt - performance.now()) / 2));
      } catch (error) {
        log.error({ err: error, part: name }, "a part did not stop in good order");
      }
    }
  };
  return { add: (name, stop) => void started.push({ name, stop }), run: () => (running ??= run()) };
};
