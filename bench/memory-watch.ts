import { readFileSync } from "node:fs";

const EVERY_MS = 1_000;

/** Figures of one process's resident memory (proc(5), VmRSS and VmHWM), in MB of 2²⁰ bytes. */
export type MemoryFigures = { start: number; warm: number; highest: number; end: number };

export type MemoryWatch = {
  /** From here on it counts as warm. */
  markWarm(): void;
  stop(): MemoryFigures;
};

const megabytesOf = (pid: number, field: "VmRSS" | "VmHWM"): number => {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const [, kib] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
  if (kib === undefined) throw new Error(`process ${pid} tells no ${field}`);
  return Number(kib) / 1_024;
};

/**
 * Watches a process once a second. What a garbage collector leaves goes up and down, so each figure but the highest, which
 * is the kernel's own, is the median of some samples: `start` the first one, `warm` and `end` of up to ten.
 */
export const watchMemory = (pid: number): MemoryWatch => {
  const samples = [megabytesOf(pid, "VmRSS")];
  let warmFrom = 0;
  const timer = setInterval(() => samples.push(megabytesOf(pid, "VmRSS")), EVERY_MS);
  const middle = (some: readonly number[]): number => some.toSorted((a, b) => a - b)[some.length >> 1] ?? Number.NaN;
  return {
    markWarm: () => {
      samples.push(megabytesOf(pid, "VmRSS"));
      warmFrom = samples.length - 1;
    },
    stop: () => {
      clearInterval(timer);
      samples.push(megabytesOf(pid, "VmRSS"));
      return {
        start: samples[0] ?? Number.NaN,
        warm: middle(samples.slice(warmFrom, warmFrom + 10)),
        highest: megabytesOf(pid, "VmHWM"),
        end: middle(samples.slice(-10)),
      };
    },
  };
};
