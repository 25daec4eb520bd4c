/** The process's clock, injected so that tests own time. What is due is decided by the database's clock, never by this. */
export type Clock = { now(): Date };

export const systemClock: Clock = { now: () => new Date() };
