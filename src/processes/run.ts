import { type Config, ConfigError, EXIT_CONFIG, readConfig } from "../config.ts";
import { makeLog } from "../log.ts";
import { connect } from "./connect.ts";
import { firstSignal } from "./first-signal.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { Parts, Running } from "./parts.ts";

/** A drain longer than this is given up: leases and stalled checks bring back what was in flight. */
const DRAIN_MS = 18_000;

/**
 * The life of one process of its own: configuration, connections, `start`, then until SIGTERM or SIGINT; it drains and
 * exits 0 within 20 seconds. A second signal ends it at once. A wrong configuration exits 78 with a line per fault.
 */
export const runProcess = async (name: string, start: (parts: Parts) => Promise<Running>): Promise<void> => {
  let config: Config;
  let parts: Parts;
  let running: Running;
  try {
    config = readConfig();
    parts = await connect(config, makeLog(config.logLevel).child({ process: name }));
    running = await start(parts);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
  }
  const { log } = parts;
  const heartbeat = startHeartbeat(parts);
  log.info("started");
  const signal = await firstSignal();
  log.info({ signal }, "stopping");
  setTimeout(() => {
    log.warn("what is in flight took too long; it will be sent by another run");
    process.exit(0);
  }, DRAIN_MS).unref();
  await Promise.all([heartbeat.stop(), running.stop()]);
  await parts.close();
  log.info("stopped");
  process.exit(0);
};
