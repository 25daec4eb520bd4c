import { stat, writeFile } from "node:fs/promises";
import type { Parts, Running } from "./parts.ts";
import { every } from "./timers.ts";

const BEAT_MS = 1_000;
/** Several beats may be missed: a long garbage collection or a restart of Redis is no illness. */
const STALE_MS = 15_000;

/**
 * Touches the configured file each second while the event loop turns and both servers answer, so that a container's health
 * check can tell a worker at work from one that is stuck or cut off. Without a file it does nothing.
 */
export const startHeartbeat = ({
  config,
  ledger,
  redis,
  outages,
  log,
}: Pick<Parts, "ledger" | "redis" | "outages" | "log"> & {
  config: Pick<Parts["config"], "heartbeatFile">;
}): Running => {
  const file = config.heartbeatFile;
  if (file === undefined) return { stop: () => Promise.resolve() };
  return every(BEAT_MS, "heartbeat", {
    tick: async () => {
      await Promise.all([ledger.pools.urgent.query("SELECT 1"), redis.ping()]);
      await writeFile(file, new Date().toISOString());
    },
    outages,
    log,
  });
};

/** Whether the file was touched within the last 15 seconds. */
export const isBeating = async (file: string, now: Date): Promise<boolean> =>
  await stat(file).then(
    ({ mtimeMs }) => now.getTime() - mtimeMs <= STALE_MS,
    () => false,
  );
