import type { Ledger } from "../ledger/connection.ts";
import { countHeld, findPauses } from "../ledger/installation.ts";

/** `GET /v1/pause`: what is held since when, all sending or single changes, and how many deliveries wait for it. Times in UTC. */
export type PauseStatus = {
  paused: boolean;
  pausedAt: string | null;
  waiting: number;
  changes: { change: string; pausedAt: string }[];
};

export const showPauses = async ({ pools }: Ledger): Promise<PauseStatus> => {
  const { pausedAt, changes } = await findPauses(pools.urgent);
  return {
    paused: pausedAt !== null,
    pausedAt: pausedAt?.toISOString() ?? null,
    waiting: pausedAt === null && changes.length === 0 ? 0 : await countHeld(pools.routine),
    changes: changes.map((one) => ({ ...one, pausedAt: one.pausedAt.toISOString() })),
  };
};
