/**
 * The rows of `table` that one of its indexes gives for a key, and nothing else: conditions stand outside. Left to join, or told of a
 * condition that a partial index has too, a planner that knows nothing of the tables yet reads all of another index for each row,
 * and keeps that plan as they grow: 1,000 endpoints took 100 ms to a second. OFFSET 0 is what it does not look through.
 */
export const lookUp = (table: string, key: string): string => `LATERAL (SELECT * FROM ${table} WHERE ${key} OFFSET 0)`;
