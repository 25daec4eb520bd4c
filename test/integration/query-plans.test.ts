import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { ChangeEvent } from "../../src/domain/event.ts";
import { readEventFacts } from "../../src/ledger/accepted-events.ts";
import { releaseDueChanges, revisionsToPlan, unplannedRevisions } from "../../src/ledger/changes.ts";
import { endRun, lostChunks, queuedChunks, sweepDue, takeLease } from "../../src/ledger/chunks.ts";
import type { Ledger, Sql } from "../../src/ledger/connection.ts";
import { loadChunk } from "../../src/ledger/deliveries.ts";
import { lockFreeNotices, lockNotice } from "../../src/ledger/fan-out.ts";
import { chunkStates, loadContents } from "../../src/ledger/notice-content.ts";
import { changesToAttend } from "../../src/ledger/minimums.ts";
import { lockEnded, openNotices, openNoticesOf } from "../../src/ledger/notices.ts";
import { countOverdue } from "../../src/ledger/overdue.ts";
import { sweepReplays } from "../../src/ledger/replays.ts";
import { nodesOf, type PlanNode, plansOf, rowsLookedAt } from "../support/plan-rows.ts";
import { freshLedger } from "../support/servers.ts";

/** What the issue names: 10,000 open notices and 1,000,000 waiting deliveries, of which 2,000 are due. */
const OPEN = 10_000;
const SENDING = 100;
const PER_NOTICE = 10_000;
const DUE = 2_000;
/** Far from what the sequence gives. */
const CHUNKS = 100_000_000;
/** Rows that one statement may read: it goes through all open notices at most, or what is due and its notices. */
const READ_LIMIT = 2 * OPEN;

let ledger: Ledger;
before(async () => {
  ({ ledger } = await freshLedger());
  const sql = ledger.pools.routine;
  const policy = "INSERT INTO policies (hash, policy) VALUES ('p', '{}')";
  const service = "INSERT INTO services (service, title) VALUES ('api', 'API')";
  const changes = `INSERT INTO changes (change, revision, status, category, service, release_at, attention_at, state)
    SELECT 'C' || n, 1, 'announced', 'major', 'api', now() + interval '60 days', now() + interval '29 days', '{}' FROM generate_series(1, ${OPEN / 4}) n`;
  const revisions = `INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, verdict, planned_at)
    SELECT 'C' || n, 1, n, now(), 'p', 'routine', '{}', '{}', '{}', now() FROM generate_series(1, ${OPEN / 4}) n`;
  const planned = `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status)
    SELECT 'n' || n, 'C' || (n % ${OPEN / 4} + 1), 1, 'reminder', 'routine', 'all', now() + interval '30 days',
           now() + interval '30 days', 'planned' FROM generate_series(1, ${OPEN}) n`;
  const sending = `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status, fanned_out_at)
    SELECT 's' || n, 'C' || n, 1, 'announcement', 'routine', 'all', now(), now(), 'sending', now()
    FROM generate_series(1, ${SENDING}) n`;
  const waiting = `INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
    SELECT notices.no, e, 'routine', 'webhook', now() + interval '1 hour'
    FROM notices, generate_series(1, ${PER_NOTICE}) e WHERE status = 'sending'`;
  const due = `UPDATE deliveries SET due_at = now() WHERE notice = (SELECT max(notice) FROM deliveries) AND endpoint <= ${DUE}`;
  const chunks = `INSERT INTO chunks (id, lane, channel, state) SELECT ${CHUNKS} + n, 'routine', 'webhook',
    CASE WHEN n % 10 = 0 THEN 'queued' ELSE 'done' END FROM generate_series(1, 50000) n`;
  const ofChunks = `INSERT INTO chunk_notices (chunk, notice) SELECT id, (SELECT max(no) FROM notices) FROM chunks WHERE state <> 'done'`;
  for (const text of [policy, service, changes, revisions, planned, sending, waiting, due, chunks, ofChunks])
    await sql.query(text);
});

const rowsRead = (node: PlanNode): number =>
  node["Node Type"].endsWith("Scan") && node["Relation Name"] !== undefined ? rowsLookedAt(node) : 0;

/** Every statement that runs each second or minute, or for each chunk. */
const STATEMENTS: Record<string, (sql: Sql) => Promise<unknown>> = {
  "the sweep of due deliveries": (sql) => sweepDue(sql, "routine", 10_000),
  "the sweep of an idle lane": (sql) => sweepDue(sql, "urgent", 10_000),
  "the sweep of repetitions": (sql) => sweepReplays(sql, "routine", 10_000),
  "looking for lost chunks": (sql) => lostChunks(sql, 1_000),
  "finishing notices": lockEnded,
  "releasing changes": releaseDueChanges,
  "reconciling plans": (sql) => unplannedRevisions(sql, 0, 1_000),
  "reconciling notices": (sql) =>
    openNotices(sql, { after: undefined, aheadMs: 600_000, olderThanMs: 0, limit: 1_000 }),
  "reconciling chunks": (sql) => queuedChunks(sql, { after: CHUNKS + 25_000, olderThanMs: 0, limit: 1_000 }),
  "looking for what is overdue": countOverdue,
  "taking a lease": (sql) => takeLease(sql, CHUNKS + 10, 1_000),
  "loading a chunk": (sql) => loadChunk(sql, CHUNKS + 10, "webhook"),
  "ending a run": (sql) => endRun(sql, { chunk: CHUNKS + 10, run: 0, pauseMs: 0 }),
  "looking at the notices of a chunk": (sql) => chunkStates(sql, CHUNKS + 10),
  "loading what notices say": (sql) => loadContents(sql, [7, 8], "UTC"),
};

const EVENT: ChangeEvent = {
  source: "/s",
  id: "1",
  time: null,
  kind: "updated",
  change: "C7",
  fields: { service: "api" },
  reason: null,
  minor: false,
  releasedAt: null,
};

/** Every statement that runs for each event, and what looks for changes of a kind: however many others there are. */
const OF_ONE_CHANGE: Record<string, (sql: Sql) => Promise<unknown>> = {
  "looking for the open notices of a change": (sql) => openNoticesOf(sql, ["C7"]),
  "looking for the open notices of several": (sql) => openNoticesOf(sql, ["C7", "C8", "C9"]),
  "locking a notice": (sql) => lockNotice(sql, "n7"),
  "locking several": (sql) => lockFreeNotices(sql, ["n7", "n8", "n9"]),
  "looking for what is to be planned of a change": (sql) => revisionsToPlan(sql, "C7"),
  "reading what decides on an event": (sql) => readEventFacts(sql, [EVENT], "p"),
  "looking for changes whose minimum wants attention": changesToAttend,
};
const EVENT_READ_LIMIT = 60;

const TABLES = ["deliveries", "notices", "chunks", "chunk_notices", "changes", "revisions", "attempts"];

const readsByIndex = async (run: (sql: Sql) => Promise<unknown>, limit = READ_LIMIT): Promise<void> => {
  const [plan, ...more] = await plansOf(ledger.pools.routine, run);
  assert.ok(plan);
  assert.equal(more.length, 0, "one statement each");
  const nodes = nodesOf(plan);
  const whole = nodes.flatMap((node) => (node["Node Type"] === "Seq Scan" ? [node["Relation Name"] ?? ""] : []));
  assert.deepEqual(
    whole.filter((table) => TABLES.includes(table)),
    [],
  );
  const read = nodes.reduce((sum, node) => sum + rowsRead(node), 0);
  assert.ok(read <= limit, `${read} rows read`);
};

test("the million is there", async () => {
  const { rows } = await ledger.pools.routine.query(
    "SELECT count(*) AS count FROM deliveries WHERE status = 'waiting'",
  );
  assert.deepEqual(rows, [{ count: SENDING * PER_NOTICE }]);
});

for (const [what, run] of Object.entries(STATEMENTS))
  test(`${what} reads by index and no more than it needs, before the tables were ever analysed`, () =>
    readsByIndex(run));
for (const [what, run] of Object.entries(OF_ONE_CHANGE))
  test(`${what} reads what is its own, before the tables were ever analysed`, () =>
    readsByIndex(run, EVENT_READ_LIMIT));

test("the tables are analysed", async () => {
  await ledger.pools.routine.query(`ANALYZE ${TABLES.join(", ")}`);
});

for (const [what, run] of Object.entries(STATEMENTS))
  test(`${what} reads by index and no more than it needs, once they were analysed`, () => readsByIndex(run));
for (const [what, run] of Object.entries(OF_ONE_CHANGE))
  test(`${what} reads what is its own, once they were analysed`, () => readsByIndex(run, EVENT_READ_LIMIT));

test("what is asked for each chunk and each event, of one or of several, is planned once", async () => {
  const client = await ledger.pools.routine.connect();
  try {
    for (let run = 0; run < 10; run += 1) {
      await chunkStates(client, CHUNKS + run);
      await loadContents(client, [run + 1], "UTC");
      await readEventFacts(client, [EVENT], "p");
      await openNoticesOf(client, run % 2 ? ["C7"] : ["C7", "C8"]);
      await lockNotice(client, "n7");
      await lockFreeNotices(client, ["n7", "n8"]);
    }
    const { rows } = await client.query<{ name: string; anew: number }>(
      "SELECT name, custom_plans AS anew FROM pg_prepared_statements ORDER BY name",
    );
    assert.deepEqual(rows, [
      { name: "chunk-states", anew: 0 },
      { name: "event-facts", anew: 0 },
      { name: "lock-free-notices", anew: 0 },
      { name: "lock-notice", anew: 0 },
      { name: "notice-contents", anew: 0 },
      { name: "open-notices-of", anew: 0 },
    ]);
  } finally {
    client.release();
  }
});
