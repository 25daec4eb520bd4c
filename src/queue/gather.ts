/** Sends what it is given together with what others give within a moment. */
export type Gather<Given> = {
  /** Resolves once the group that these went with was sent; rejects when it could not be. */
  add(given: readonly Given[]): Promise<void>;
  /** Sends what waits at once; resolves when nothing is under way any more. */
  emptied(): Promise<void>;
};

type Group<Given> = { all: Given[]; leave(): void; sent: Promise<void> };

/** A group leaves `forMs` after its first came, or as soon as it has `most`. */
export const makeGather = <Given>({
  forMs,
  most,
  send,
}: {
  forMs: number;
  most: number;
  send: (all: Given[]) => Promise<unknown>;
}): Gather<Given> => {
  let open: Group<Given> | null = null;
  const underWay = new Set<Promise<void>>();

  const begin = (): Group<Given> => {
    const all: Given[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const leave = (): void => {
      clearTimeout(timer);
      open = null;
      resolve();
    };
    const timer = setTimeout(leave, forMs);
    const sent = promise.then(async () => void (await send(all))).finally(() => underWay.delete(sent));
    underWay.add(sent);
    return { all, leave, sent };
  };

  return {
    add: (given) => {
      open ??= begin();
      const group = open;
      group.all.push(...given);
      if (group.all.length >= most) group.leave();
      return group.sent;
    },
    emptied: async () => {
      open?.leave();
      await Promise.allSettled(underWay);
    },
  };
};
