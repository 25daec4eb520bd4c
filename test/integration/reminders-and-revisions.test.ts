import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { kindsAt, type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

/** What an event does to a reminder that partners get at their own hours, some before it and some after. */

const REMINDER = "CHG-1.r1.reminder-P14D";

/** A change whose reminder is fanned out, to one partner elsewhere; its nominal hour, in UTC, is `hours` from now. */
const reminded = async (timeZone: string, hours: number, delayMs?: number): Promise<Pipeline> => {
  const major = { ...DEFAULT_POLICY.categories.major, notices: ["announcement", "-P14D", "-P1D"] };
  const policy = {
    ...DEFAULT_POLICY,
    categories: { ...DEFAULT_POLICY.categories, major },
    timeZone: "UTC",
    sendAt: new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16),
    heldDays: [],
  };
  const pipeline = await startPipeline({ policy });
  const { sql, parts } = pipeline;
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"], { timeZone });
  await sql.query("UPDATE endpoints SET unwelcomed = false");
  const releaseAt = new Date(Date.now() + 14 * 86_400_000).toISOString().slice(0, 10);
  await pipeline.announce({ change: "CHG-1", category: "major", service: "reports", title: "x", releaseAt });
  await pipeline.quiet();
  // As if it had been accepted two days ago, before the reminder's day.
  await sql.query("UPDATE revisions SET accepted_at = accepted_at - interval '2 days'");
  await sql.query("UPDATE notices SET due_at = due_at - interval '2 days' WHERE kind = 'announcement'");
  await sql.query("UPDATE notices SET status = 'planned', folded_into = NULL, fan_out_at = now() WHERE id = $1", [
    REMINDER,
  ]);
  if (delayMs !== undefined) pipeline.receiver.script("/acme", { kind: "answer", status: 204, delayMs });
  await makeFanOutNotice({ ...parts, untilQuiet: () => Promise.resolve(), log: quietLog })({ notice: REMINDER });
  return pipeline;
};

const itsHourComes = async ({ sql }: Pipeline): Promise<void> => {
  await sql.query("UPDATE deliveries SET due_at = now() WHERE status = 'waiting'");
  await until(async () => (await sql.query("SELECT FROM deliveries WHERE status = 'waiting'")).rowCount === 0, {
    what: "the reminder's end",
  });
};

test("a typo that is mended after the nominal hour takes the reminder from nobody whose own hour is still ahead", async () => {
  const pipeline = await reminded("America/New_York", -1);
  await pipeline.say("updated", { change: "CHG-1", title: "y", minor: true });
  await pipeline.quiet();
  await itsHourComes(pipeline);
  assert.deepEqual(kindsAt(pipeline, "acme"), ["announcement", "reminder-P14D"]);
});

test("an edit in substance takes its place: who hears of it gets no reminder after it", async () => {
  const pipeline = await reminded("America/New_York", -1);
  await pipeline.say("updated", { change: "CHG-1", title: "y" });
  await pipeline.quiet();
  assert.deepEqual(kindsAt(pipeline, "acme"), ["announcement", "amended"]);
  assert.deepEqual(await pipeline.counts(), { sent: 2, skipped: 1 });
});

test("what was released early is not reminded of at an hour that comes later", async () => {
  const pipeline = await reminded("America/New_York", -1);
  await pipeline.say("released", { change: "CHG-1" });
  await pipeline.quiet();
  await itsHourComes(pipeline);
  assert.deepEqual(kindsAt(pipeline, "acme"), ["announcement"]);
});

test("a reminder that a sender has in hand is not said again by the next revision", async () => {
  const pipeline = await reminded("Asia/Tokyo", 2, 4_000);
  await until(() => kindsAt(pipeline, "acme").length === 2, { what: "the reminder is under way" });
  await pipeline.say("updated", { change: "CHG-1", title: "y", minor: true });
  await pipeline.quiet();
  const { rows } = await pipeline.sql.query(
    "SELECT revision, status FROM notices WHERE kind = 'reminder' AND \"offset\" = '-P14D' ORDER BY revision",
  );
  assert.equal(rows.length, 2);
  assert.deepEqual(kindsAt(pipeline, "acme"), ["announcement", "reminder-P14D"]);
});
