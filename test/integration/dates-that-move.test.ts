import assert from "node:assert/strict";
import { test } from "node:test";
import { addCalendar, dayOf } from "../../src/domain/calendar.ts";
import type { Channel } from "../../src/domain/category.ts";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import { makeWatchMinimums } from "../../src/flow/watch-minimums.ts";
import { inDays } from "../support/days.ts";
import { kindsAt, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";

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

test("the provider is told once of a change that is short, and of partners untold on the day before a minimum ends", async () => {
  const pipeline = await startPipeline({ running: false });
  const { ledger } = pipeline.parts;
  const watchBy = (channels: readonly Channel[]) =>
    makeWatchMinimums({
      ledger,
      tellProvider: makeTellProvider({ channels, log: quietLog }),
      publicUrl: "http://127.0.0.1:8484",
    });
  const watch = watchBy(["email"]);
  await pipeline.addService("reports");
  await pipeline.addPartner("untold", ["webhook"]);
  const today = dayOf(new Date(), "Europe/Paris");
  const ending = addCalendar(addCalendar(today, "P1D"), "P1M");
  await pipeline.announce({ change: "SHORT", category: "major", service: "reports", title: "x", releaseAt: inDays(5) });
  await pipeline.announce({ change: "ENDS", category: "major", service: "reports", title: "x", releaseAt: ending });
  await pipeline.announce({ change: "FAR", category: "major", service: "reports", title: "x", releaseAt: inDays(200) });
  await watchBy([])();
  await watch();
  await watch();
  const { rows } = await pipeline.sql.query<{ kind: string; subject: string; body: string }>(
    "SELECT kind, subject, body FROM provider_alerts ORDER BY kind",
  );
  assert.deepEqual(
    rows.map((row) => [row.kind, row.subject.slice(0, 7)]),
    [
      ["minimum-lapses", "[ENDS] "],
      ["short", "[SHORT]"],
    ],
  );
  assert.match(rows[1]?.body ?? "", /leaves 5 days; 1 month \(P1M\) is promised\./);
  const wanting = await pipeline.sql.query<{ change: string; now: boolean | null }>(
    "SELECT change, attention_at <= now() AS now FROM changes ORDER BY change",
  );
  assert.deepEqual(
    wanting.rows.map((row) => [row.change, row.now]),
    [
      ["ENDS", true],
      ["FAR", false],
      ["SHORT", null],
    ],
    "looked at until its last day is over, not yet, and no more",
  );
});
