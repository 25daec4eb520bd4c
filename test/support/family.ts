import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const parentOf = (pid: string): string | undefined => {
  try {
    return /^PPid:\s+(\d+)/m.exec(readFileSync(join("/proc", pid, "status"), "utf8"))?.[1];
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
};

/** A process and all that came of it. Linux only. */
export const familyOf = (program: number): number[] => {
  const parents = new Map(readdirSync("/proc").flatMap((pid) => (/^\d+$/.test(pid) ? [[pid, parentOf(pid)]] : [])));
  const family = new Set([String(program)]);
  // The set grows while it is walked through.
  for (const member of family) for (const [pid, parent] of parents) if (pid && parent === member) family.add(pid);
  return [...family].map(Number);
};
