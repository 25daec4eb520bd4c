import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import type { Running } from "./parts.ts";

/**
 * Calls `tick` every `everyMs`, first after `firstMs`, never twice at once; a tick that fails is tried again by the next one. A failure that no
 * outage explains is logged once per streak. Stopping waits for the tick that runs.
 */
export const every = (
  everyMs: number,
  what: string,
  {
    tick,
    outages,
    log,
    firstMs = everyMs,
  }: { tick: () => Promise<void>; outages: Outages; log: Log; firstMs?: number },
): Running => {
  let failing = false;
  let running: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    try {
      await tick();
      if (failing) log.info({ what }, "works again");
      failing = false;
    } catch (error) {
      if (outages.explain(error, what)) return;
      if (!failing) log.error({ err: error, what }, "failed; it is tried again until it works");
      failing = true;
    }
  };
  const next = (): void => {
    running ??= run().finally(() => {
      running = null;
    });
  };
  let timer = setTimeout(() => {
    timer = setInterval(next, everyMs);
    next();
  }, firstMs);
  return {
    stop: async () => {
      // Of either kind: they share their ids.
      clearTimeout(timer);
      await running;
    },
  };
};
