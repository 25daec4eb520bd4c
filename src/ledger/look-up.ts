/**
 * The rows of `table` that one of its indexes gives for a key, and nothing else: conditions stand outside. Left to join, or told of a
 * condition that a partial index has too, a planner that knows nothing of the tables yet reads all of another index for each row,
 * and keeps that plan as they grow: 1,000 endpoints took 100 ms to a second. OFFSET 0 is what it does not look through.
 */
export const lookUp = (table: string, key: string): string => `LATERAL (SELECT * FROM ${table} WHERE ${key} OFFSET 0)`;

/**
 * A query of the members of an array parameter, such as `$1::int8[]`, for `lookUp` to go through. By `= ANY` instead, or told how long
 * the list is, PostgreSQL would plan the statement anew each time wherever it may (`openLedger` forbids it to most), for it believes
 * that a plan for any list must be the dearer one: 0.4 to 0.7 ms, five times what it takes to run.
 */
export const membersOf = (list: string): string => `SELECT unnest((SELECT ${list}))`;
