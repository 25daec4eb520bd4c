/** A random schedule that a printed seed repeats: mulberry32, each call in [0, 1). */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** The run's seed: `SEED` repeats an earlier run. */
export const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** `npm run test:fault` runs the large sizes. */
export const FULL = process.env["FAULT_SIZE"] === "full";
