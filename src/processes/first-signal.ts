import { readUnderNpm } from "../config.ts";

/** A signal that comes again this soon is the same one: npm passes on the Ctrl-C that the terminal sent to all. */
const SAME_MS = 1_000;
const LOOK_MS = 500;

/** npm that is killed cannot pass anything on, and what it ran would stay behind. */
const watchParent = (lost: () => void): void => {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    lost();
  }, LOOK_MS);
  timer.unref();
};

/**
 * Resolves at the first SIGTERM or SIGINT, or with SIGHUP when npm, having started this process, is no more. A later
 * signal ends the process at once.
 */
export const firstSignal = async (): Promise<NodeJS.Signals> => {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let firstAt: number | undefined;
  const came = (signal: NodeJS.Signals): void => {
    if (firstAt !== undefined && performance.now() - firstAt > SAME_MS) process.exit(signal === "SIGINT" ? 130 : 143);
    firstAt ??= performance.now();
    resolve(signal);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => came(signal));
  if (readUnderNpm()) watchParent(() => resolve("SIGHUP"));
  return promise;
};
