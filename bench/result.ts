/** One row of the report. */
export type Result = {
  scenario: string;
  goal: string;
  /** What the ratio is against; null where there is nothing to compare with. */
  yardstick: string | null;
  /** Ours against the yardstick's, one per round; above 1 ours is faster. */
  ratios: number[];
  /** CPU µs for each delivery or event, by part; the median of the rounds. */
  cpuUs: Record<string, number>;
  /** Other figures, by name with their unit. */
  figures: Record<string, number>;
};

/** How much a run measures: `full`, or `quick`, which only shows that every scenario still works. */
export type Size = "full" | "quick";
export type Scenario = { name: string; run(size: Size): Promise<Result[]> };

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

/** The value below which `share` of the sorted values lie (nearest rank). */
export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN;

/** The median of each figure over the rounds. */
export const medians = <Name extends string>(rounds: readonly Record<Name, number>[]): Record<Name, number> =>
  Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((name) => [name, median(rounds.map((round) => round[name as Name]))]),
  ) as Record<Name, number>;

/** What one round of a scenario with a yardstick came to. */
export type Round = { ratio: number; cpuUs: Record<string, number>; figures: Record<string, number> };

/** Rounds as a row has them: every ratio, and the median of the rest. */
export const summary = (rounds: readonly Round[]): Pick<Result, "ratios" | "cpuUs" | "figures"> => ({
  ratios: rounds.map(({ ratio }) => ratio),
  cpuUs: medians(rounds.map(({ cpuUs }) => cpuUs)),
  figures: medians(rounds.map(({ figures }) => figures)),
});
