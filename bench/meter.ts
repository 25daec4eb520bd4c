import type { Stage } from "./stage.ts";

/** Figures by the name of a piece of work. */
export type ByWork = Record<string, number>;
export type Measured = { timeUs: ByWork; cpuUs: ByWork };

/** Measures named pieces of work: the time that each takes and the CPU time of PostgreSQL, summed up by name. */
export const makeMeter = ({ cpuUs }: Pick<Stage, "cpuUs">) => {
  const sums: Measured = { timeUs: {}, cpuUs: {} };
  return {
    sums,
    measure: async <T>(name: string, work: () => Promise<T>): Promise<T> => {
      const cpuBefore = cpuUs.postgres();
      const begunAt = performance.now();
      const result = await work();
      sums.timeUs[name] = (sums.timeUs[name] ?? 0) + (performance.now() - begunAt) * 1_000;
      sums.cpuUs[name] = (sums.cpuUs[name] ?? 0) + cpuUs.postgres() - cpuBefore;
      return result;
    },
  };
};
