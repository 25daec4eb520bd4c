import type { Lane } from "../domain/category.ts";

/** Bounded concurrency of one sender process, apart for each lane. */
export type Lanes = {
  /** Resolves when a send of `lane` may begin; every `enter` is followed by exactly one `leave`. */
  enter(lane: Lane): Promise<void>;
  leave(lane: Lane): void;
  /** Sends that have begun and not ended. */
  inFlight(lane: Lane): number;
};

/**
 * Slots are reserved per lane, so that routine sends, however slow, never keep an urgent one waiting; and no routine
 * send begins while urgent ones are in flight or wait, so that the machine is theirs.
 */
export const makeLanes = (slots: Record<Lane, number>): Lanes => {
  const busy: Record<Lane, number> = { urgent: 0, routine: 0 };
  const waiting: Record<Lane, (() => void)[]> = { urgent: [], routine: [] };

  const mayBegin = (lane: Lane): boolean =>
    busy[lane] < slots[lane] && (lane === "urgent" || (busy.urgent === 0 && waiting.urgent.length === 0));

  const admit = (lane: Lane): void => {
    while (waiting[lane].length > 0 && mayBegin(lane)) {
      busy[lane] += 1;
      waiting[lane].shift()?.();
    }
  };

  return {
    enter: (lane) => {
      if (waiting[lane].length === 0 && mayBegin(lane)) {
        busy[lane] += 1;
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting[lane].push(resolve));
    },
    leave: (lane) => {
      busy[lane] -= 1;
      admit("urgent");
      admit("routine");
    },
    inFlight: (lane) => busy[lane],
  };
};
