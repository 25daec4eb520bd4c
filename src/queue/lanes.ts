import { LANES, type Lane } from "../domain/category.ts";

/** How many sends of a lane may be in flight in one process. */
export type LaneSlots = {
  /** Sends that began less than SLOW_MS ago. */
  fresh: number;
  /** Older ones, which wait for a slow receiver and would only keep a fresh slot from others. */
  slow: number;
};

/** A send in flight; give it back with `leave`. */
export type Ticket = { lane: Lane; begunAt: number; state: "fresh" | "slow" };

/** Bounded concurrency of one sender process, apart for each lane. */
export type Lanes = {
  /** A ticket when a send of `lane` may begin now, ahead of nobody who waits; otherwise null. */
  tryEnter(lane: Lane): Ticket | null;
  /** Resolves when a send of `lane` may begin; every ticket is given back exactly once. */
  enter(lane: Lane): Promise<Ticket>;
  leave(ticket: Ticket): void;
  /** Sends of `lane` are about to begin: a chunk was taken, or is on its way. Call what it answers once it is over. */
  expect(lane: Lane): () => void;
  /** Sends that have begun and not ended. */
  inFlight(lane: Lane): number;
  close(): void;
};

/** After this a send counts as slow: an answer takes a few milliseconds, or a TLS connection around the world half a second. */
const SLOW_MS = 500;
/** So long what is urgent is expected, once it was told of or its chunk was taken. */
export const EXPECTED_MS = 500;
const LOOK_MS = 100;
/** Routine sends in flight at most while urgent ones are expected: they go on, though somebody announces one emergency after another. */
const BESIDE_EXPECTED = 1;
const NOTHING = (): void => undefined;

/**
 * Slots are reserved per lane, so that routine sends, however slow, never keep an urgent one waiting; and no routine
 * send begins while urgent ones are fresh or wait, so that the machine is theirs. While they are expected, half a second at
 * most, routine ones go one at a time: what brings an urgent chunk here makes six round trips, and each took a turn of an event
 * loop full of routine answers.
 * Hanging receivers give up their fresh slots after half a second, so a few hundred of them slow nobody else.
 */
export const makeLanes = (slots: Record<Lane, LaneSlots>): Lanes => {
  const fresh: Record<Lane, Set<Ticket>> = { urgent: new Set(), routine: new Set() };
  const slow: Record<Lane, number> = { urgent: 0, routine: 0 };
  const waiting: Record<Lane, ((ticket: Ticket) => void)[]> = { urgent: [], routine: [] };

  const expected = new Set<symbol>();

  const mayBegin = (lane: Lane): boolean => {
    if (lane === "urgent") return fresh.urgent.size < slots.urgent.fresh;
    const most = expected.size > 0 ? BESIDE_EXPECTED : slots.routine.fresh;
    return fresh.routine.size < most && fresh.urgent.size === 0 && waiting.urgent.length === 0;
  };

  const begin = (lane: Lane): Ticket => {
    const ticket: Ticket = { lane, begunAt: performance.now(), state: "fresh" };
    fresh[lane].add(ticket);
    return ticket;
  };

  const admit = (): void => {
    for (const lane of LANES) while (waiting[lane].length > 0 && mayBegin(lane)) waiting[lane].shift()?.(begin(lane));
  };

  /** A set keeps the order of its making, so the oldest come first and the first young one ends the look. */
  const findSlow = (lane: Lane): void => {
    const before = performance.now() - SLOW_MS;
    for (const ticket of fresh[lane]) {
      if (ticket.begunAt > before || slow[lane] >= slots[lane].slow) return;
      ticket.state = "slow";
      fresh[lane].delete(ticket);
      slow[lane] += 1;
    }
  };
  const timer = setInterval(() => {
    findSlow("urgent");
    findSlow("routine");
    admit();
  }, LOOK_MS);
  timer.unref();

  const tryEnter = (lane: Lane): Ticket | null => (waiting[lane].length === 0 && mayBegin(lane) ? begin(lane) : null);

  return {
    tryEnter,
    enter: (lane) => {
      const ticket = tryEnter(lane);
      return ticket ? Promise.resolve(ticket) : new Promise((resolve) => waiting[lane].push(resolve));
    },
    leave: (ticket) => {
      if (ticket.state === "slow") slow[ticket.lane] -= 1;
      else fresh[ticket.lane].delete(ticket);
      admit();
    },
    expect: (lane) => {
      if (lane !== "urgent") return NOTHING;
      const chunk = Symbol();
      expected.add(chunk);
      const end = (): void => {
        clearTimeout(timer);
        if (expected.delete(chunk)) admit();
      };
      const timer = setTimeout(end, EXPECTED_MS);
      timer.unref();
      return end;
    },
    inFlight: (lane) => fresh[lane].size + slow[lane],
    close: () => clearInterval(timer),
  };
};
