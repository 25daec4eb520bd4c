import assert from "node:assert/strict";
import { test } from "node:test";
import { dayOf } from "../../src/domain/calendar.ts";
import type { Channel } from "../../src/domain/category.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import { makeWatchMinimums } from "../../src/flow/watch-minimums.ts";
import { releaseDueChanges } from "../../src/ledger/changes.ts";
import { inDays } from "../support/days.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";

/** In days, so that a month's end is no exception. */
const MINIMUM = 30;
const { categories } = DEFAULT_POLICY;
const policy = {
  ...DEFAULT_POLICY,
  categories: { ...categories, major: { ...categories.major, minimumNotice: `P${MINIMUM}D` } },
};

const scene = async () => {
  const pipeline = await startPipeline({ running: false, policy });
  const { sql, parts } = pipeline;
  await pipeline.addService("reports");
  await pipeline.addPartner("untold", ["webhook"]);
  const announce = (change: string, releaseAt: string) =>
    pipeline.announce({ change, category: "major", service: "reports", title: "x", releaseAt });
  const watchBy = (channels: readonly Channel[]) =>
    makeWatchMinimums({
      ledger: parts.ledger,
      tellProvider: makeTellProvider({ channels, log: quietLog }),
      publicUrl: "http://127.0.0.1:8484",
    });
  const alerts = async (): Promise<string[]> =>
    (await sql.query<{ subject: string }>("SELECT subject FROM provider_alerts ORDER BY no")).rows.map(
      ({ subject }) => subject,
    );
  return { sql, announce, watchBy, watch: watchBy(["email"]), alerts };
};

/** As if the hour that a new word has to go out were over. */
const anHourLater = (sql: Pipeline["sql"]) =>
  sql.query("UPDATE changes SET attention_at = now() WHERE change = 'ENDS'");

const SHORT = "[SHORT] announced too late for its release";
const ENDS = "[ENDS] the minimum notice is about to lapse";

test("the provider is told once of a change that is short, though nobody could be told at first", async () => {
  const { sql, announce, watchBy, watch, alerts } = await scene();
  await announce("SHORT", inDays(5));
  await announce("FAR", inDays(200));
  await watchBy([])();
  assert.deepEqual(await alerts(), []);
  await watch();
  await watch();
  assert.deepEqual(await alerts(), [SHORT]);
  const { rows } = await sql.query("SELECT change, attention_at IS NULL AS never FROM changes ORDER BY change");
  assert.deepEqual(rows, [
    { change: "FAR", never: false },
    { change: "SHORT", never: true },
  ]);
});

test("a change whose date was past when it was announced is told of once, although the schedule has released it", async () => {
  const { sql, announce, watchBy, watch, alerts } = await scene();
  await announce("SHORT", inDays(-7));
  assert.deepEqual(await releaseDueChanges(sql), ["SHORT"]);
  await watch();
  await watch();
  assert.deepEqual(await alerts(), [SHORT]);
  await announce("UNHEARD", inDays(-7));
  await releaseDueChanges(sql);
  await watchBy([])();
  const { rows } = await sql.query("SELECT FROM changes WHERE attention_at IS NOT NULL");
  assert.equal(rows.length, 0, "what is released does not wait for a contact");
});

test("partners who are untold an hour after a late announcement are named that day and again on the last, once each", async () => {
  const { sql, announce, watchBy, watch, alerts } = await scene();
  await announce("ENDS", inDays(MINIMUM + 1));
  await watch();
  assert.deepEqual(await alerts(), [], "its announcement is still going out");
  await anHourLater(sql);
  await watchBy([])();
  await anHourLater(sql);
  await watch();
  await anHourLater(sql);
  await watch();
  assert.deepEqual(await alerts(), [ENDS], "once that day");
  const again = await sql.query<{ at: Date }>("SELECT attention_at AS at FROM changes");
  assert.equal(dayOf(again.rows[0]?.at ?? "", "Europe/Paris"), inDays(1), "and not looked at before the last one");
  // A day passes: all that is stored lies a day further back.
  await sql.query(
    `UPDATE changes SET state = jsonb_set(state, '{fields,releaseAt}', '"${inDays(MINIMUM)}"'), attention_at = now()`,
  );
  await sql.query("UPDATE provider_alerts SET dedupe = regexp_replace(dedupe, $1, $2)", [
    `${dayOf(new Date(), "Europe/Paris")}$`,
    inDays(-1),
  ]);
  await watch();
  await anHourLater(sql);
  await watch();
  assert.deepEqual(await alerts(), [ENDS, ENDS]);
  const { rows } = await sql.query("SELECT FROM changes WHERE attention_at IS NOT NULL");
  assert.equal(rows.length, 0, "its last day needs no other look");
});

test("nobody is named once all were told", async () => {
  const { sql, announce, watch, alerts } = await scene();
  await announce("ENDS", inDays(MINIMUM));
  await sql.query("UPDATE notices SET fan_out_started_at = now()");
  await sql.query(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at)
     SELECT n.no, e.no, n.lane, e.channel, 'sent', 1, now(), now() FROM notices n, endpoints e WHERE n.kind = 'announcement'`,
  );
  await anHourLater(sql);
  await watch();
  assert.deepEqual(await alerts(), []);
});
