import { setTimeout as pause } from "node:timers/promises";
import { nearby } from "../cli/nearby.ts";
import { counted } from "../cli/words.ts";
import { DEFAULT_POLICY } from "../domain/policy.ts";
import { audit } from "./audit.ts";
import { loadCast, readRealChanges } from "./cast.ts";
import { countUnplanned, type Progress, readDeliveries, readProgress } from "./ledger-watch.ts";
import { playMoves, playScene } from "./perform.ts";
import type { Screen } from "./screen.ts";
import { openStage, type Stage } from "./stage.ts";
import { type Story, storyOf, type Tempo } from "./story.ts";
import { summary } from "./summary.ts";
import { offsetWords, whenWords } from "./tempo-words.ts";
import { makeTimeline } from "./timeline.ts";

export type DemoOptions = { monthMs: number | null; once: boolean };

const WATCH_MS = 200;
/** How long after the last notice is due everything must have arrived. */
const ARRIVAL_MS = 60_000;

type Run = DemoOptions & { stage: Stage; screen: Screen; tempo: Tempo; signal: AbortSignal };

/** Sends all announcements, one after another, and starts their moves; resolves to the end of the last move. */
const announce = async ({ stage, screen, tempo, signal }: Run): Promise<{ moves: Promise<unknown> }> => {
  const performance = { client: stage.client, queues: stage.everything.parts.queues, screen, tempo, signal };
  const moves: Promise<void>[] = [];
  for (const real of readRealChanges()) {
    if (signal.aborted) break;
    const now = new Date();
    const story: Story = storyOf(real, { now, tempo });
    const [first] = story.scenes;
    if (first && (await playScene(performance, story, first))) moves.push(playMoves(performance, story, now.getTime()));
  }
  return { moves: Promise.all(moves) };
};

/** Notices that are still to come, as far as this run waits for them: all of them only in compressed tempo. */
const awaited = (progress: readonly Progress[], monthMs: number | null): Progress[] =>
  progress.filter(
    (notice) =>
      (notice.status === "planned" && (notice.due || monthMs !== null)) ||
      (notice.status === "sending" &&
        (!notice.fannedOut || notice.counts.email.waiting + notice.counts.webhook.waiting > 0)),
  );

/** Shows notices going out until the run is over, the deadline has passed, or somebody ends it. */
const watch = async ({ stage, screen, tempo, signal, monthMs, once }: Run, moves: Promise<unknown>): Promise<void> => {
  const { ledger } = stage.everything.parts;
  const tell = makeTimeline(screen, tempo);
  const origin = new Date();
  let moving = true;
  const played = moves.then(() => (moving = false));
  let deadline = Number.POSITIVE_INFINITY;
  while (!signal.aborted) {
    const progress = await readProgress(ledger);
    tell(progress);
    const open = awaited(progress, monthMs);
    if (!moving && once && open.length === 0 && (await countUnplanned(ledger)) === 0) break;
    const lastDue = Math.max(Date.now(), ...open.map((notice) => notice.dueAt.getTime()));
    deadline = moving ? Number.POSITIVE_INFINITY : Math.min(deadline, lastDue + ARRIVAL_MS);
    if (once && Date.now() > deadline) break;
    screen.status(statusOf(progress, { tempo, origin }));
    await Promise.race([pause(WATCH_MS), played.then(() => pause(WATCH_MS))]);
  }
  screen.status("");
};

const statusOf = (progress: readonly Progress[], { tempo, origin }: { tempo: Tempo; origin: Date }): string => {
  const next = progress.find((notice) => notice.status === "planned" && !notice.due);
  if (!next) return "";
  const kind = next.offset ? `${next.kind} ${offsetWords(next.offset, tempo)}` : next.kind;
  const seconds = Math.max(0, (next.dueAt.getTime() - Date.now()) / 1000).toFixed(0);
  const when =
    tempo.kind === "compressed" ? `in ${seconds} s` : `on ${whenWords(next.dueAt.toISOString(), { tempo, origin })}`;
  return `next: ${kind} of ${next.change} ${when}   (Ctrl-C ends)`;
};

const places = async ({ screen, stage }: Run): Promise<void> =>
  screen.say(
    "",
    `API      ${stage.everything.address}   documentation ${stage.everything.address}/docs`,
    `mails    ${nearby(await stage.mailbox.writeIndex())}`,
    `log      ${nearby(stage.logFile)}`,
  );

/** The main job, played before one's eyes. Resolves to whether everything that was due has arrived. */
export const runDemo = async (options: DemoOptions, screen: Screen, signal: AbortSignal): Promise<boolean> => {
  const { monthMs } = options;
  const tempo: Tempo =
    monthMs === null ? { kind: "calendar", timeZone: DEFAULT_POLICY.timeZone } : { kind: "compressed", monthMs };
  screen.heading("Forewarn demo");
  screen.say("starting PostgreSQL, Redis, the API, the scheduler, two senders, a mailbox and a webhook receiver …");
  const stage = await openStage({ monthMs, say: (line) => screen.say(line) });
  const run: Run = { ...options, stage, screen, tempo, signal };
  try {
    const cast = await loadCast(stage.client, stage.receiver);
    screen.say(
      `loaded ${counted(cast.services, "service")} and ${counted(cast.partners, "partner")} in ${cast.zones} time zones: ${cast.mails} mail addresses, ${counted(cast.webhooks, "webhook")}`,
      ...(monthMs === null
        ? []
        : [`a month takes ${monthMs / 1000} s: the policy's offsets and every lead time are compressed alike`]),
    );
    await places(run);
    screen.heading("Real changes, announced now with their real lead times");
    const { moves } = await announce(run);
    screen.heading(
      "Going out                                          (time to the last partner told, from the ledger)",
    );
    await watch(
      run,
      moves.catch((error: unknown) => {
        if (!signal.aborted) throw error;
      }),
    );
    return await conclude(run);
  } finally {
    screen.status("");
    await stage.close();
  }
};

const conclude = async (run: Run): Promise<boolean> => {
  const { stage, screen, tempo } = run;
  const { ledger } = stage.everything.parts;
  const result = audit(await readDeliveries(ledger), {
    mails: stage.mailbox.arrivals,
    webhooks: stage.receiver.arrivals,
  });
  summary(screen, { progress: await readProgress(ledger), audit: result, tempo, origin: new Date() });
  await places(run);
  return result.faults.length === 0;
};
