import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 20;

/**
 * Asks `condition` every 20 ms until its answer is truthy, and gives that answer.
 *
 * A condition that throws counts as not met yet. At the deadline it throws an Error that says `what` was awaited and, as
 * its cause, what the condition threw last.
 *
 * @example await until(() => receiver.received.length === 3, { what: "three webhooks" });
 */
export const until = async <T>(
  condition: () => T | Promise<T>,
  { deadlineMs = 10_000, what }: { deadlineMs?: number; what: string },
): Promise<Exclude<T, false | 0 | "" | null | undefined>> => {
  const deadline = performance.now() + deadlineMs;
  let fault: unknown;
  for (;;) {
    try {
      const answer = await condition();
      fault = undefined;
      if (answer) return answer as Exclude<T, false | 0 | "" | null | undefined>;
    } catch (error) {
      fault = error;
    }
    if (performance.now() >= deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: fault });
    await pause(POLL_MS);
  }
};
