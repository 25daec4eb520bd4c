import { readFile, rename, writeFile } from "node:fs/promises";
import type { Machine } from "./machine.ts";
import type { Result } from "./result.ts";

/** What one full run of a scenario came to, and on what: scenarios may have been run on different days. */
export type Kept = {
  at: string;
  seconds: number;
  machine: Machine;
  /** The load average over a minute, before and after: what else the machine did at the time. */
  load: [before: number, after: number];
  /** The share of the cores' time that the hypervisor gave to other machines meanwhile, 0 to 1. */
  steal: number;
  results: Result[];
};
export type KeptResults = Record<string, Kept>;

/**
 * Sets these scenarios' results into the file by name, and keeps the others'; in the order of `names`, without those that
 * are no scenarios any more. Answers what the file then holds.
 */
export const keepResults = async (path: string, names: readonly string[], fresh: KeptResults): Promise<KeptResults> => {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  const all = { ...(JSON.parse(text) as KeptResults), ...fresh };
  const kept = Object.fromEntries(
    names.flatMap((name) => {
      const one = all[name];
      return one === undefined ? [] : [[name, one]];
    }),
  );
  await writeFile(`${path}.new`, `${JSON.stringify(kept, null, 2)}\n`);
  await rename(`${path}.new`, path);
  return kept;
};
