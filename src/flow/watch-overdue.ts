import type { Ledger } from "../ledger/connection.ts";
import { countOverdue, type Overdue, overdueWords } from "../ledger/overdue.ts";
import type { Log } from "../log.ts";

export type WatchOverdue = () => Promise<Overdue>;

/** Looks for what is late and raises the alarm, once when it begins and once when it is over. */
export const makeWatchOverdue = ({ ledger, log }: { ledger: Ledger; log: Log }): WatchOverdue => {
  let alarmed = false;
  return async () => {
    const overdue = await countOverdue(ledger.pools.urgent);
    const words = overdueWords(overdue);
    if (words !== null && !alarmed) log.error({ ...overdue }, `something is overdue: ${words}`);
    if (words === null && alarmed) log.info("nothing is overdue any more");
    alarmed = words !== null;
    return overdue;
  };
};
