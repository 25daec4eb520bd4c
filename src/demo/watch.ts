import { setTimeout as pause } from "node:timers/promises";
import type { Ledger } from "../ledger/connection.ts";
import { countUnplanned, type Progress, readProgress } from "./ledger-watch.ts";
import type { Screen } from "./screen.ts";
import type { Tempo } from "./story.ts";
import { offsetWords, whenWords } from "./tempo-words.ts";
import { makeTimeline } from "./timeline.ts";

const WATCH_MS = 200;
/** How long after the last notice is due everything must have arrived. */
const ARRIVAL_MS = 60_000;

type Watched = { ledger: Ledger; screen: Screen; tempo: Tempo; signal: AbortSignal };

/** What this run waits for: what is due and not yet settled, and in compressed tempo all that is planned too. */
const awaited = (progress: readonly Progress[], tempo: Tempo): Progress[] =>
  progress.filter(({ status, due, fannedOut, owing }) =>
    status === "planned" ? due || tempo.kind === "compressed" : status === "sending" && (!fannedOut || owing),
  );

const statusOf = (progress: readonly Progress[], tempo: Tempo): string => {
  const next = progress.find((notice) => notice.status === "planned" && !notice.due);
  if (!next) return "";
  const kind = next.offset ? `${next.kind} ${offsetWords(next.offset, tempo)}` : next.kind;
  const now = new Date();
  const when =
    tempo.kind === "compressed"
      ? `in ${Math.max(0, (next.dueAt.getTime() - now.getTime()) / 1000).toFixed(0)} s`
      : `on ${whenWords(next.dueAt.toISOString(), { tempo, origin: now })}`;
  return `next: ${kind} of ${next.change} ${when}   (Ctrl-C ends)`;
};

/** Shows notices as they go out; both ways of watching share what was shown already. */
export const makeWatch = ({ ledger, screen, tempo, signal }: Watched) => {
  const tell = makeTimeline(screen, tempo);
  const look = async (): Promise<Progress[]> => {
    const progress = await readProgress(ledger);
    tell(progress);
    screen.status(statusOf(progress, tempo));
    return progress;
  };
  return {
    /** Until all events are played and all that is awaited has gone out, the deadline has passed, or somebody ends it. */
    untilSettled: async (moves: Promise<unknown>): Promise<void> => {
      let moving = true;
      const played = moves.then(() => (moving = false));
      let deadline = Number.POSITIVE_INFINITY;
      while (!signal.aborted && Date.now() < deadline) {
        const open = awaited(await look(), tempo);
        if (!moving && open.length === 0 && (await countUnplanned(ledger)) === 0) break;
        const lastDue = Math.max(Date.now(), ...open.map((notice) => notice.dueAt.getTime()));
        if (!moving) deadline = Math.min(deadline, lastDue + ARRIVAL_MS);
        await Promise.race([pause(WATCH_MS), played.then(() => pause(WATCH_MS))]);
      }
      screen.status("");
    },
    /** Until somebody ends it. */
    untilEnded: async (): Promise<void> => {
      while (!signal.aborted) {
        await look();
        await pause(WATCH_MS, undefined, { signal }).catch(() => undefined);
      }
      screen.status("");
    },
  };
};
