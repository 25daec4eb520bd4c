import { readdirSync, readFileSync } from "node:fs";

/** Linux counts CPU time for programs in hundredths of a second, whatever the kernel's own tick. */
const TICK_US = 10_000;

/** The fields of `/proc/<pid>/stat` after the command's name, which may hold anything (proc(5)); null: no such process. */
const statOf = (pid: number): string[] | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
};

const PARENT = 1;
const OWN = [11, 12];
const OWN_AND_ENDED_CHILDREN = [11, 12, 13, 14];

const sum = (stat: string[] | null, fields: readonly number[]): number =>
  TICK_US * fields.reduce((ticks, field) => ticks + Number(stat?.[field] ?? 0), 0);

/** CPU time a process has used so far, all of its threads, in µs. */
export const cpuUsOf = (pid: number): number => sum(statOf(pid), OWN);

/** Of a process with one thread, to the nanosecond (Linux, Documentation/scheduler/sched-stats.rst); null where the kernel keeps no such count. */
const exactUsOf = (pid: string): number | null => {
  try {
    const ns = Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[0]);
    return ns > 0 ? ns / 1_000 : null;
  } catch {
    return null;
  }
};

/**
 * The same with its children, those that ended included. For PostgreSQL, which is a process per connection and has one
 * thread in each: the children's time is exact, so that a few hundred deliveries are enough to measure.
 */
export const cpuUsOfFamily = (pid: number): number =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ name, stat: statOf(Number(name)) }))
    .filter(({ stat }) => stat?.[PARENT] === String(pid))
    .reduce(
      (total, { name, stat }) => total + (exactUsOf(name) ?? sum(stat, OWN)),
      sum(statOf(pid), OWN_AND_ENDED_CHILDREN),
    );

export const parentOf = (pid: number): number => Number(statOf(pid)?.[PARENT] ?? 0);
