import assert from "node:assert/strict";
import { test } from "node:test";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { makePlanNotices } from "../../src/flow/plan-notices.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { startSender } from "../../src/processes/sender.ts";
import { atEnd } from "../support/at-end.ts";
import { inDays } from "../support/days.ts";
import { kindsAt, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

test("a date that moves while its announcement is being sent: each partner hears the old word, then the new one, once", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartners(300, "webhook");
  for (let at = 1; at <= 300; at += 1)
    pipeline.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 700 });
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Moving",
    releaseAt: inDays(60),
  });
  await pipeline.receiver.waitFor(60);
  await pipeline.say("updated", { change: "CHG-1", releaseAt: inDays(90), reason: "Later" });
  await pipeline.quiet(60_000);
  const stories = new Map<string, number>();
  for (let at = 1; at <= 300; at += 1) {
    const story = kindsAt(pipeline, `p${at}`).join(", ");
    stories.set(story, (stories.get(story) ?? 0) + 1);
  }
  const told = stories.get("announcement, rescheduled") ?? 0;
  const untold = stories.get("announcement") ?? 0;
  assert.equal(told + untold, 300, JSON.stringify([...stories]));
  assert.ok(told >= 60);
  for (let at = 1; at <= 300; at += 1) {
    const last = pipeline.receiver.at(`/p${at}`).at(-1);
    const body = JSON.parse(String(last?.body)) as { data: { change: { releaseAt: string } } };
    assert.equal(body.data.change.releaseAt, inDays(90), `p${at} knows the new date`);
  }
});

test("a sender that takes a chunk while a cancellation is being committed begins nothing of it", async () => {
  const pipeline = await startPipeline({ running: false });
  const { parts, sql } = pipeline;
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await sql.query("UPDATE endpoints SET unwelcomed = false");
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Gone",
    releaseAt: inDays(60),
  });
  const fanOutNotice = makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve(), log: quietLog });
  await fanOutNotice({ notice: "CHG-1.r1.announcement" });
  // A second between what is skipped and its commit.
  await sql.query(
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$",
  );
  await sql.query(
    "CREATE TRIGGER slow AFTER UPDATE ON deliveries FOR EACH ROW WHEN (NEW.status = 'skipped') EXECUTE FUNCTION slow()",
  );
  await pipeline.say("cancelled", { change: "CHG-1", reason: "gone" });
  const planning = makePlanNotices({ ...parts, fanOutNotice, log: quietLog })({ change: "CHG-1", revision: 2 });
  await until(
    async () =>
      (await sql.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"))
        .rowCount === 1,
    { what: "the cancellation is being committed" },
  );
  const sender = await startSender("webhook", parts);
  atEnd(() => sender.stop());
  await planning;
  const scheduler = await startScheduler(parts);
  atEnd(() => scheduler.stop());
  await pipeline.quiet();
  await until(async () => (await sql.query("SELECT FROM chunks WHERE state <> 'done'")).rowCount === 0, {
    what: "the chunk is over",
  });
  assert.deepEqual(kindsAt(pipeline, "acme"), [], "neither, since nothing was said");
  assert.deepEqual(await pipeline.counts(), { skipped: 1 });
});

test("each partner is told what differs from what it was last told, not from the last revision", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "One",
    summary: "A",
    releaseAt: inDays(60),
  });
  await pipeline.quiet();
  await pipeline.say("updated", { change: "CHG-1", summary: "B", minor: true });
  await pipeline.say("updated", { change: "CHG-1", title: "Two" });
  await pipeline.quiet();
  const bodies = pipeline.receiver
    .at("/acme")
    .map((post) => JSON.parse(post.body.toString()) as { data: { notice: { kind: string }; previous?: unknown } });
  assert.deepEqual(
    bodies.map((body) => [body.data.notice.kind, body.data.previous]),
    [
      ["announcement", undefined],
      ["amended", { title: "One", summary: "A" }],
    ],
  );
});
