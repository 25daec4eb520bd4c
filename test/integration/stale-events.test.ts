import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeAcceptEvent } from "../../src/flow/accept-event.ts";
import type { EventAnswer } from "../../src/flow/decide-event.ts";
import { makePreviewEvent } from "../../src/flow/preview-event.ts";
import { openApi, type TestApi } from "../support/api.ts";
import { inDays } from "../support/days.ts";
import { envelope, type Pipeline, startPipeline } from "../support/pipeline.ts";

/** Events whose `time` is not the newest, or lies ahead, and words that come too late: over HTTP, on a real ledger. */
let pipeline: Pipeline;
let api: TestApi;

before(async () => {
  pipeline = await startPipeline({ running: false });
  await pipeline.addService("reports");
  const { parts } = pipeline;
  api = await openApi({
    ledger: parts.ledger,
    acceptEvent: makeAcceptEvent(parts),
    previewEvent: makePreviewEvent(parts),
  });
});

const send = async (event: unknown, query = "") => {
  const reply = await api.call("POST", `/v1/events${query}`, { body: event, type: "application/cloudevents+json" });
  return {
    status: reply.statusCode,
    duplicate: reply.headers["forewarn-duplicate"] === "true",
    body: reply.json<EventAnswer & { errors: { path: string; message: string }[] }>(),
  };
};

/** Says an event that must be accepted. */
const say = async (kind: string, data: Record<string, unknown>, rest: Record<string, unknown> = {}) => {
  const reply = await send(envelope(kind, data, rest));
  assert.equal(reply.status, 202, JSON.stringify(reply.body));
  return reply.body;
};

const announce = (change: string) =>
  say("created", { change, category: "major", service: "reports", title: "First", releaseAt: inDays(90) });

const shown = async (change: string) =>
  (await api.call("GET", `/v1/changes/${change}`)).json<{ title: string; status: string; summary?: string }>();

const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const HOUR = 3_600_000;

test("what a newer event had set is answered as outdated, by a dry run and a repetition too", async () => {
  await announce("OLD-1");
  assert.ok(!("outdated" in (await say("updated", { change: "OLD-1", title: "Second" }, { id: "second" }))));
  const late = envelope("updated", { change: "OLD-1", title: "Late", summary: "new" }, { time: fromNow(-HOUR) });
  const foretold = await send(late, "?dryRun=true");
  const accepted = await send(late);
  const repeated = await send(late);
  const { outdated = [] } = accepted.body;
  assert.deepEqual(
    outdated.map(({ field, by }) => [field, by.source, by.id]),
    [["title", "/test", "second"]],
  );
  assert.ok(Math.abs(Date.parse(outdated[0]?.by.time ?? "") - Date.now()) < HOUR, "when the newer event came");
  assert.deepEqual(foretold.body.outdated, outdated);
  assert.deepEqual([repeated.duplicate, repeated.body], [true, accepted.body]);
  const { title, summary } = await shown("OLD-1");
  assert.deepEqual([title, summary], ["Second", "new"]);
});

test("a change that an event from the year 2090 set can be corrected at once", async () => {
  await announce("OLD-2");
  await say("updated", { change: "OLD-2", title: "Wrong clock" }, { time: "2090-01-01T00:00:00Z" });
  const answer = await say("updated", { change: "OLD-2", title: "Right" });
  assert.equal(answer.outdated, undefined);
  assert.equal((await shown("OLD-2")).title, "Right");
});
