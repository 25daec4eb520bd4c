import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../cli/client.ts";
import { CommandFailure, faultLine } from "../cli/exit.ts";
import { EVENT_TYPE_PREFIX } from "../domain/event.ts";
import type { EventAnswer } from "../flow/decide-event.ts";
import type { Queues } from "../queue/queues.ts";
import { changeBlock, refusedBlock } from "./change-block.ts";
import type { Screen } from "./screen.ts";
import type { Scene, Story, Tempo } from "./story.ts";

const SOURCE = "/forewarn/demo";
/** This one comes in by the queue instead of HTTP, as an internal service would put it there. */
const BY_QUEUE = "hubspot-pipelines-v1";
const QUEUE_PATIENCE_MS = 15_000;
const POLL_MS = 50;

type Performance = { client: Client; queues: Queues; screen: Screen; tempo: Tempo; signal: AbortSignal };
type Told = Pick<EventAnswer, "verdict" | "notices">;

const envelopeOf = (story: Story, scene: Scene): Record<string, unknown> => ({
  specversion: "1.0",
  id: `${story.change}.${story.scenes.indexOf(scene) + 1}`,
  source: SOURCE,
  type: `${EVENT_TYPE_PREFIX}${scene.kind}`,
  time: new Date().toISOString(),
  data: { change: story.change, ...scene.fields, ...(scene.reason ? { reason: scene.reason } : {}) },
});

/** Puts the event on the `events` queue and waits until its change shows up. */
const tellByQueue = async (
  { client, queues, signal }: Performance,
  change: string,
  envelope: object,
): Promise<Told> => {
  await queues.get("events").add("event", envelope);
  const deadline = Date.now() + QUEUE_PATIENCE_MS;
  for (;;) {
    const told = await client.get<Told>(`/v1/changes/${change}`).catch((error: unknown) => {
      if (Date.now() > deadline) throw error;
      return null;
    });
    if (told && told.notices.length > 0) return told;
    await pause(POLL_MS, undefined, { signal });
  }
};

const tellByHttp = async ({ client }: Performance, envelope: object): Promise<Told> => {
  const body = JSON.stringify(envelope);
  const reply = await client.send<EventAnswer>("POST", "/v1/events", {
    contentType: "application/cloudevents+json",
    body,
  });
  return reply.body;
};

/** Sends one scene and shows what the policy made of it; a refusal is an answer too. Throws what nobody expected. */
export const playScene = async (it: Performance, story: Story, scene: Scene): Promise<"accepted" | "refused"> => {
  const frame = { screen: it.screen, tempo: it.tempo, origin: new Date() };
  const envelope = envelopeOf(story, scene);
  const byQueue = story.change === BY_QUEUE;
  try {
    const told = byQueue ? await tellByQueue(it, story.change, envelope) : await tellByHttp(it, envelope);
    it.screen.block(...changeBlock(frame, { story, scene, told, byQueue }));
    if (story.expects === "refused") throw new Error(`${story.change} was accepted, without a date`);
    return "accepted";
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.faults.length === 0 || story.expects !== "refused") throw error;
    it.screen.block(...refusedBlock(frame, { story, faults: error.faults.map(faultLine) }));
    return "refused";
  }
};

/** Plays a change's moves, each at its time after `announcedAt`. */
export const playMoves = async (it: Performance, story: Story, announcedAt: number): Promise<void> => {
  for (const scene of story.scenes.slice(1)) {
    await pause(Math.max(0, announcedAt + scene.afterMs - Date.now()), undefined, { signal: it.signal });
    await playScene(it, story, scene);
  }
};
