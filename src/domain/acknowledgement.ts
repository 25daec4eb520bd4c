import { releaseInstant } from "./calendar.ts";

/** A revision that moved the release date; null: there was, or is, none. */
export type DateMove = { revision: number; from: string | null; to: string | null };

/**
 * The revision from which on acknowledgements of a change still hold: a date that is brought forward resets them, one that
 * is put back keeps them (DESIGN §8). `moves` in order of their revisions; without one, the first.
 *
 * @example acknowledgedSince([{ revision: 3, from: "2027-03-31", to: "2027-02-28" }], "Europe/Paris") // 3
 */
export const acknowledgedSince = (moves: readonly DateMove[], zone: string): number =>
  moves.findLast(
    ({ from, to }) => from !== null && to !== null && releaseInstant(to, zone) < releaseInstant(from, zone),
  )?.revision ?? 1;
