export type Permits = {
  /** Resolves when one is free, in the order of asking. The answer gives it back; called again it does nothing. */
  take(): Promise<() => void>;
};

/** At most `count` are out at once. */
export const makePermits = (count: number): Permits => {
  let free = count;
  const waiting: (() => void)[] = [];
  const giveBack = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return {
    take: async () => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let isOut = true;
      return () => {
        if (isOut) giveBack();
        isOut = false;
      };
    },
  };
};
