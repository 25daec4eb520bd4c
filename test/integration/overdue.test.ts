import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeReconcile } from "../../src/flow/reconcile.ts";
import { makeWatchOverdue } from "../../src/flow/watch-overdue.ts";
import { releaseHeld, sweepDue } from "../../src/ledger/chunks.ts";
import { countBacklog } from "../../src/ledger/installation.ts";
import { countOverdue, overdueWords } from "../../src/ledger/overdue.ts";
import { makeLog } from "../../src/log.ts";
import { makeChecks } from "../../src/processes/checks.ts";
import { openApi } from "../support/api.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

const NONE = { plans: 0, notices: 0, deliveries: 0, chunks: 0 };

let pipeline: Pipeline;
/** Nothing runs: what is late stays late. */
before(async () => {
  pipeline = await startPipeline({ running: false });
  await pipeline.addService("api");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.announce({ change: "CHG-1", category: "major", service: "api", title: "x", releaseAt: "2099-01-01" });
  await pipeline.sql.query("DELETE FROM notices");
  await pipeline.sql.query("UPDATE revisions SET planned_at = NULL");
  const { rows } = await pipeline.sql.query<{ no: number }>(
    `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status, fan_out_started_at, fanned_out_at)
     VALUES ('CHG-1.r1.announcement', 'CHG-1', 1, 'announcement', 'routine', 'all', now(), now(), 'sending', now(), now()),
            ('CHG-1.r1.reminder-P7D', 'CHG-1', 1, 'reminder', 'routine', 'all', now(), now(), 'planned', NULL, NULL) RETURNING no`,
  );
  await pipeline.sql.query(
    "INSERT INTO deliveries (notice, endpoint, lane, channel, due_at) SELECT $1, no, 'routine', channel, now() FROM endpoints",
    [rows[0]?.no],
  );
  await pipeline.sql.query(
    "INSERT INTO chunks (id, lane, channel, state, run, leased_until) VALUES (1, 'routine', 'webhook', 'running', 1, now())",
  );
});

/** Each kind, and how it is made late by 61 seconds and put right again. */
const LATE: Record<keyof typeof NONE, [table: string, column: string, which: string]> = {
  plans: ["revisions", "accepted_at", "true"],
  notices: ["notices", "fan_out_at", "status = 'planned'"],
  deliveries: ["deliveries", "due_at", "true"],
  chunks: ["chunks", "leased_until", "true"],
};
const shift = async (kind: keyof typeof NONE, by: string): Promise<void> => {
  const [table, column, which] = LATE[kind];
  await pipeline.sql.query(`UPDATE ${table} SET ${column} = now() - interval '${by}' WHERE ${which}`);
};

test("what is due is not overdue for a minute", async () => {
  for (const kind of Object.keys(LATE) as (keyof typeof NONE)[]) await shift(kind, "55 seconds");
  assert.deepEqual(await countOverdue(pipeline.sql), NONE);
});

for (const kind of Object.keys(LATE) as (keyof typeof NONE)[])
  test(`${kind} that nobody moved on for a minute are overdue`, async () => {
    await shift(kind, "61 seconds");
    assert.deepEqual(await countOverdue(pipeline.sql), { ...NONE, [kind]: 1 });
    await shift(kind, "0 seconds");
  });

test("what is paused is not overdue", async () => {
  await shift("notices", "61 seconds");
  await shift("deliveries", "61 seconds");
  for (const table of ["installation", "changes"]) {
    await pipeline.sql.query(`UPDATE ${table} SET paused_at = now()`);
    assert.deepEqual(await countOverdue(pipeline.sql), NONE, table);
    assert.deepEqual((await countBacklog(pipeline.sql)).overdue, [], table);
    await pipeline.sql.query(`UPDATE ${table} SET paused_at = NULL`);
  }
  assert.deepEqual((await countBacklog(pipeline.sql)).overdue, [{ lane: "routine", count: 1 }]);
});

test("what a pause put aside is overdue when nobody takes it up again after the pause", async () => {
  await shift("notices", "0 seconds");
  await pipeline.sql.query("UPDATE changes SET paused_at = now()");
  assert.equal((await sweepDue(pipeline.sql, "routine", 10)).held, 1);
  await pipeline.sql.query("UPDATE chunks SET created_at = now() - interval '61 seconds' WHERE state = 'held'");
  assert.deepEqual(await countOverdue(pipeline.sql), NONE);
  await pipeline.sql.query("UPDATE changes SET paused_at = NULL");
  assert.deepEqual(await countOverdue(pipeline.sql), { ...NONE, chunks: 1 });
  assert.equal((await releaseHeld(pipeline.sql, "routine", 10)).length, 1);
  assert.deepEqual(await countOverdue(pipeline.sql), NONE);
  await pipeline.sql.query("UPDATE deliveries SET chunk = NULL");
});

test("the alarm is raised once, stands in readyz and in the metrics, and is called off once", async () => {
  const lines: { level: number; msg: string }[] = [];
  const log = makeLog("info", { write: (line) => void lines.push(JSON.parse(line)) });
  const watch = makeWatchOverdue({ ledger: pipeline.parts.ledger, log });
  const { parts } = pipeline;
  const reconcile = makeReconcile(parts);
  await reconcile.wasFlushed();
  const api = await openApi({ ledger: parts.ledger, registry: parts.registry, checks: makeChecks(parts) });
  const ready = async () => (await api.call("GET", "/readyz", { key: null })).json();
  await shift("notices", "61 seconds");
  await shift("deliveries", "0 seconds");
  await watch();
  await watch();
  assert.match((await ready()).parts.queue, /late by a minute or more: 1 notices not fanned out; see that a scheduler/);
  assert.match((await api.call("GET", "/metrics", { key: null })).body, /forewarn_overdue\{kind="notices"\} 1\n/);
  await shift("notices", "0 seconds");
  await watch();
  await watch();
  assert.deepEqual(
    lines.map((line) => line.level),
    [50, 30],
  );
  await until(async () => (await ready()).parts.queue === "ok", { what: "readyz says that all is well" });
});

test("a thousand or more are said to be so", () => {
  assert.equal(overdueWords(NONE), null);
  assert.match(overdueWords({ ...NONE, deliveries: 1_000 }) ?? "", /1000 or more deliveries not taken up/);
});
