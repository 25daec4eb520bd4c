import { setFlagsFromString } from "node:v8";
import { startMetricsListener } from "./metrics-listener.ts";
import type { Parts, Running } from "./parts.ts";
import { runProcess } from "./run.ts";

/**
 * V8 lets a heap of 60 MB grow to 400 before it looks for what is garbage, where there is memory. With this it looks when three
 * quarters have come on top. A collection begins while as much is left as new objects may take, so by a quarter it began
 * each 7 MB, twice a second: two thirds of what V8's threads took was to mark what was alive anyway.
 *
 * How much new objects may take (`--max-semi-space-size`) can be said at the start alone, so package.json and
 * docker-compose.yml say it. Together they keep a sender below 250 MB (`npm run bench -- memory`).
 */
const HEAP_GROWS_BY_PERCENT = 75;

const NOTHING_TO_REFRESH = (): (() => Promise<void>) => () => Promise.resolve();

/**
 * Runs a worker as a process of its own, with its metrics where FOREWARN_METRICS_PORT says. They are served until the last
 * delivery in flight has ended.
 *
 * `watch` adds what the process looks up at each scrape.
 */
export const runWorker = (
  name: string,
  start: (parts: Parts) => Promise<Running>,
  watch: (parts: Parts) => () => Promise<void> = NOTHING_TO_REFRESH,
): Promise<void> => {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWS_BY_PERCENT}`);
  return runProcess(name, async (parts) => {
    const metrics = await startMetricsListener(parts, watch(parts));
    const running = await start(parts);
    return {
      stop: async () => {
        await running.stop();
        await metrics.stop();
      },
    };
  });
};
