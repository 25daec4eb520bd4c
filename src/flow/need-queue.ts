import { Problem } from "../errors.ts";
import type { Queues } from "../queue/queues.ts";

/** Throws Problem `unavailable` where Redis is away: adding to a queue that was never connected would wait for as long. */
export const needQueue = (queues: Pick<Queues, "areOpen">): void => {
  if (!queues.areOpen())
    throw new Problem("unavailable", "the queue cannot be reached at the moment; try again shortly");
};
