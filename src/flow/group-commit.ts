/** Does together what is given while something else is done. */
export type GroupCommit<Given, Made> = {
  /** Resolves with what was made of `given`. */
  add(given: Given): Promise<Made>;
};

type Waiting<Given, Made> = { given: Given; resolve(made: Made | Promise<Made>): void; reject(error: unknown): void };

/**
 * One group is under way at a time, and whoever comes meanwhile goes with the next: what is alone does not wait, and the more
 * there is to do the less each costs. Two that share a key are never in one group, and run in their order.
 *
 * `run` answers for each of the group in its order; what is a promise then is not waited for by the next group. A run that fails does
 * so for all who wait as well: group after group would find out by itself, each as late as the one before.
 */
export const makeGroupCommit = <Given, Made>({
  most,
  keysOf,
  run,
}: {
  most: number;
  keysOf: (given: Given) => readonly string[];
  run: (group: readonly Given[]) => Promise<readonly (Made | Promise<Made>)[]>;
}): GroupCommit<Given, Made> => {
  let waiting: Waiting<Given, Made>[] = [];
  let isUnderWay = false;

  const take = (): Waiting<Given, Made>[] => {
    const seen = new Set<string>();
    const group: Waiting<Given, Made>[] = [];
    const later: Waiting<Given, Made>[] = [];
    for (const one of waiting) {
      const keys = keysOf(one.given);
      (group.length < most && !keys.some((key) => seen.has(key)) ? group : later).push(one);
      for (const key of keys) seen.add(key);
    }
    waiting = later;
    return group;
  };

  const runAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = take();
      try {
        const made = await run(group.map(({ given }) => given));
        for (const [at, one] of group.entries()) one.resolve(made[at] as Made | Promise<Made>);
      } catch (error) {
        for (const one of [...group, ...waiting.splice(0)]) one.reject(error);
      }
    }
    isUnderWay = false;
  };

  return {
    add: (given) =>
      new Promise((resolve, reject) => {
        waiting.push({ given, resolve, reject });
        if (isUnderWay) return;
        isUnderWay = true;
        // At the end of this turn of the event loop: what came with it goes along.
        setImmediate(() => void runAll());
      }),
  };
};
