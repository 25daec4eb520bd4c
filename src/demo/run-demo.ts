import { nearby } from "../cli/nearby.ts";
import { counted } from "../counted.ts";
import { DEFAULT_POLICY } from "../domain/policy.ts";
import { audit } from "./audit.ts";
import { loadCast, readRealChanges } from "./cast.ts";
import { readDeliveries, readProgress } from "./ledger-watch.ts";
import { playMoves, playScene } from "./perform.ts";
import type { Screen } from "./screen.ts";
import { openStage, type Stage } from "./stage.ts";
import { storyOf, type Tempo } from "./story.ts";
import { summary } from "./summary.ts";
import { makeWatch } from "./watch.ts";

/** Whether everything that was due has arrived; a signal before the summary leaves that open. */
export type DemoEnding = "arrived" | "missing" | "interrupted";
export type DemoOptions = { monthMs: number | null; once: boolean };

type Run = DemoOptions & { stage: Stage; screen: Screen; tempo: Tempo; signal: AbortSignal };

/** Sends all announcements, one after another; the promise within is that of their moves, each at its own time. */
const announce = async ({ stage, screen, tempo, signal }: Run): Promise<{ moves: Promise<unknown> }> => {
  const performance = { client: stage.client, queues: stage.everything.parts.queues, screen, tempo, signal };
  const moves: Promise<void>[] = [];
  for (const real of readRealChanges()) {
    if (signal.aborted) break;
    const now = new Date();
    const story = storyOf(real, { now, tempo });
    const [first] = story.scenes;
    if (!first || (await playScene(performance, story, first)) === "refused") continue;
    const move = playMoves(performance, story, now.getTime());
    // Its fault is told by the whole, which nobody awaits yet.
    move.catch(() => undefined);
    moves.push(move);
  }
  return { moves: Promise.all(moves) };
};

const load = async ({ stage, screen, monthMs }: Run): Promise<void> => {
  const cast = await loadCast(stage.client, stage.receiver);
  screen.say(
    `loaded ${counted(cast.services, "service")} and ${counted(cast.partners, "partner")} in ${cast.zones} time zones: ${cast.mails} mail addresses, ${counted(cast.webhooks, "webhook")}`,
    ...(monthMs === null ? [] : [`a month takes ${monthMs / 1000} s: policy and lead times are compressed alike`]),
  );
};

const apiLines = ({ stage }: Run): string[] => [
  `API      ${stage.everything.address}`,
  `docs     ${stage.everything.address}/docs`,
];

const fileLines = async ({ stage }: Run): Promise<string[]> => [
  `mails    ${nearby(await stage.mailbox.writeIndex())}`,
  `log      ${nearby(stage.logFile)}`,
];

/** The summary, and whether receivers and ledger agree that all that was due has arrived. */
const conclude = async ({ stage, screen, tempo }: Run): Promise<boolean> => {
  const { ledger } = stage.everything.parts;
  const arrivals = { mails: stage.mailbox.arrivals, webhooks: stage.receiver.arrivals };
  const result = audit(await readDeliveries(ledger), arrivals);
  summary(screen, { progress: await readProgress(ledger), audit: result, tempo, origin: new Date() });
  return result.faults.length === 0;
};

const play = async (run: Run): Promise<DemoEnding> => {
  const { stage, screen, signal, once } = run;
  await load(run);
  screen.block(...apiLines(run), ...(await fileLines(run)));
  screen.heading("Real changes, announced now with their real lead times");
  const { moves } = await announce(run);
  screen.heading("Going out, and how long until the last partner was told");
  const watch = makeWatch({ ...run, ledger: stage.everything.parts.ledger });
  await watch.untilSettled(
    moves.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
  );
  if (signal.aborted) return "interrupted";
  const arrived = await conclude(run);
  if (once) return arrived ? "arrived" : "missing";
  screen.block(...apiLines(run), ...(await fileLines(run)), "", "everything stays up until Ctrl-C");
  await watch.untilEnded();
  return arrived ? "arrived" : "missing";
};

/**
 * The main job, played before one's eyes; with `once` it ends by itself, otherwise it stays up until `signal`.
 */
export const runDemo = async (options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<DemoEnding> => {
  const { monthMs } = options;
  const tempo: Tempo =
    monthMs === null ? { kind: "calendar", timeZone: DEFAULT_POLICY.timeZone } : { kind: "compressed", monthMs };
  screen.heading("Forewarn demo");
  screen.say("starting PostgreSQL, Redis, the API, a scheduler, senders, a mailbox and a receiver …");
  const stage = await openStage({ monthMs, say: (line) => screen.say(line) });
  const run: Run = { ...options, stage, screen, tempo, signal };
  try {
    return await play(run);
  } finally {
    screen.status("");
    const files = await fileLines(run);
    await stage.close();
    screen.block("stopped; what was received stays", ...files);
  }
};
