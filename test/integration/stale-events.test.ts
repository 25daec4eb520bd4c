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

test("the public page leaves out revisions that changed nothing", async () => {
  await announce("OLD-3");
  await say("updated", { change: "OLD-3", title: "Second" });
  await say("updated", { change: "OLD-3", title: "Late", reason: "Too late" }, { time: fromNow(-HOUR) });
  await say("cancelled", { change: "OLD-3", reason: "Not needed" });
  await say("released", { change: "OLD-3" }, { time: fromNow(-HOUR) });
  const page = (await api.call("GET", "/changelog/OLD-3")).body;
  const history = page.slice(page.lastIndexOf('<ol class="timeline">'));
  assert.deepEqual(
    [...history.matchAll(/Revision (\d+)/g)].map(([, revision]) => revision),
    ["4", "2", "1"],
  );
  assert.doesNotMatch(page, /Too late/);
});

test("nothing follows cancelled: a released event is refused, and an older one has no effect", async () => {
  await announce("OLD-4");
  await say("cancelled", { change: "OLD-4", reason: "Not needed" });
  for (const query of ["?dryRun=true", ""]) {
    const { status, body } = await send(envelope("released", { change: "OLD-4" }), query);
    assert.equal(status, 422);
    const [fault] = body.errors;
    assert.equal(fault?.path, "change");
    assert.match(fault.message, /OLD-4 is cancelled.*announce it as a new change/);
  }
  const late = await say("released", { change: "OLD-4" }, { time: fromNow(-HOUR) });
  assert.deepEqual([late.status, late.outdated?.map(({ field }) => field)], ["cancelled", ["status"]]);
  assert.equal((await shown("OLD-4")).status, "cancelled");
});

test("a released change can still be cancelled", async () => {
  await announce("OLD-5");
  await say("released", { change: "OLD-5" });
  const { status, notices } = await say("cancelled", { change: "OLD-5", reason: "Rolled back" });
  assert.deepEqual([status, notices.map(({ kind }) => kind)], ["cancelled", ["cancelled"]]);
});

test("a release that lies more than a day ahead is refused, before its change is created too", async () => {
  await announce("OLD-6");
  for (const [change, releasedAt] of [
    ["OLD-6", inDays(3)],
    ["OLD-6", fromNow(25 * HOUR)],
    ["OLD-NOT-YET", inDays(3)],
  ] as const) {
    const { status, body } = await send(envelope("released", { change, releasedAt }));
    assert.equal(status, 422, releasedAt);
    assert.equal(body.errors[0]?.path, "releasedAt");
    assert.match(body.errors[0].message, /more than a day ahead.*releaseAt/);
  }
  assert.equal((await shown("OLD-6")).status, "announced");
  assert.equal((await say("released", { change: "OLD-6", releasedAt: fromNow(23 * HOUR) })).status, "released");
});
