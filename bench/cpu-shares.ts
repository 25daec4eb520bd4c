import { cpuUsOf } from "./cpu.ts";
import type { Stage } from "./stage.ts";

/**
 * Begins to count the CPU time of the named processes (several may share a name), PostgreSQL and Redis; the answer gives
 * what each has used since, in µs shared out over `count` deliveries.
 */
export const countCpu = ({ cpuUs }: Pick<Stage, "cpuUs">, processes: Record<string, readonly number[]>) => {
  const read = (): [name: string, us: number][] => [
    ...Object.entries(processes).map(([name, pids]): [string, number] => [
      name,
      pids.reduce((sum, pid) => sum + cpuUsOf(pid), 0),
    ]),
    ["postgres", cpuUs.postgres()],
    ["redis", cpuUs.redis()],
  ];
  const before = new Map(read());
  return (count: number): Record<string, number> =>
    // A connection that ended meanwhile is counted in hundredths from then on, which may take back a few ms.
    Object.fromEntries(read().map(([name, us]) => [name, Math.max(0, us - (before.get(name) ?? 0)) / count]));
};
