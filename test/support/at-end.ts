import { after } from "node:test";

const cleanups: (() => unknown)[] = [];

after(async () => {
  const faults: unknown[] = [];
  for (let cleanup = cleanups.pop(); cleanup; cleanup = cleanups.pop())
    try {
      await cleanup();
    } catch (fault) {
      faults.push(fault);
    }
  if (faults.length > 0) throw new AggregateError(faults, "cleaning up after the tests failed");
});

/** Runs `cleanup` when all tests of this file have ended, whether they passed or not; the last one added runs first. */
export const atEnd = (cleanup: () => unknown): void => {
  cleanups.push(cleanup);
};
