import { wordsOf } from "./errors.ts";

/** Tells once of a fault that no outage explains, however many requests or jobs meet it. */
export type Streak = {
  /** Whether this failure is news: the first with these words since something last worked. */
  failed(error: unknown): boolean;
  worked(): void;
};

/** More kinds of failure than this in one streak are no longer told apart. */
const MOST_TOLD = 50;

export const makeStreak = (): Streak => {
  const told = new Set<string>();
  return {
    failed: (error) => {
      const words = wordsOf(error);
      if (told.has(words) || told.size >= MOST_TOLD) return false;
      told.add(words);
      return true;
    },
    worked: () => {
      // Clearing makes a new table each time, and this is called for each request.
      if (told.size > 0) told.clear();
    },
  };
};
