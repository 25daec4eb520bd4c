import type { Pool } from "pg";
import { noticeStates } from "../ledger/notice-content.ts";
import type { Log } from "../log.ts";

/** A run that takes longer looks again whether a pause has come: a fast one is over before. */
const LOOK_AGAIN_MS = 1_000;
const NONE: ReadonlySet<number> = new Set();

type Watched = { pool: Pool; notices: readonly number[]; lookedAt: number; log: Log };

/** Which of a run's notices were paused since they were loaded, at `lookedAt` (`performance.now()`): what has not begun of them goes back. */
export const watchPauses = ({ pool, notices, log, ...began }: Watched) => {
  let { lookedAt } = began;
  let held = NONE;
  return {
    /** Asked for each delivery, so that it makes no promise while there is nothing to look at. */
    isStale: (): boolean => performance.now() - lookedAt > LOOK_AGAIN_MS,
    lookAgain: async (): Promise<void> => {
      lookedAt = performance.now();
      try {
        const states = [...(await noticeStates(pool, notices)).values()];
        held = new Set(states.flatMap((state) => (state.held ? [state.no] : [])));
      } catch (error) {
        log.debug({ err: error }, "whether a pause has come is not known");
      }
    },
    holds: (notice: number): boolean => held.has(notice),
  };
};
