import assert from "node:assert/strict";
import { before, test } from "node:test";
import { releaseHeld, sweepDue, takeLease } from "../../src/ledger/chunks.ts";
import { inTransaction, type Ledger, type Sql } from "../../src/ledger/connection.ts";
import { loadChunk, settleSent, settleUnsent } from "../../src/ledger/deliveries.ts";
import { countOverdue } from "../../src/ledger/overdue.ts";
import { countUnreachable, unreachableOf } from "../../src/ledger/unreachable.ts";
import { nodesOf, plansOf, rowsLookedAt } from "../support/plan-rows.ts";
import { freshLedger } from "../support/servers.ts";

/** Right after a fan-out: nobody has analysed the tables, and the planner's statistics say that they are empty. */
const DELIVERIES = 100_000;
const CHUNK = 200;
/** Fewer than one row in a hundred: whatever reads more goes through the table. */
const FEW = 1_000;

type Read = { node: string; relation: string; rows: number };

let ledger: Ledger;

before(async () => {
  ({ ledger } = await freshLedger());
  const sql = ledger.pools.routine;
  await sql.query("ALTER TABLE deliveries SET (autovacuum_enabled = false)");
  await sql.query("ALTER TABLE chunks SET (autovacuum_enabled = false)");
  await sql.query(
    `INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status)
     VALUES ('n.test.1', 'test', 'routine', 'all', now(), now(), 'sending')`,
  );
  await sql.query(
    "INSERT INTO partners (partner, name, had_endpoints) SELECT 'p' || n, 'P', true FROM generate_series(1, $1::int) AS n",
    [DELIVERIES],
  );
  await sql.query(
    `INSERT INTO endpoints (partner, channel, address)
     SELECT 'p' || n, 'webhook', 'https://p.example/' || n FROM generate_series(1, $1::int) AS n`,
    [DELIVERIES],
  );
  // The last 200 belong to no chunk and are due: what a sweep finds.
  await sql.query(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, chunk, due_at)
     SELECT notices.no, e.no, 'routine', 'webhook',
            CASE WHEN e.place <= $1::int - $2::int THEN (e.place - 1) / $2::int + 1 END, now()
     FROM notices, (SELECT no, row_number() OVER (ORDER BY no) AS place FROM endpoints) AS e`,
    [DELIVERIES, CHUNK],
  );
  await sql.query(
    "INSERT INTO chunks (id, lane, channel) SELECT n, 'routine', 'webhook' FROM generate_series(1, $1::int / $2::int) AS n",
    [DELIVERIES, CHUNK],
  );
});

/** What `statement` reads of each table. */
const readsOf = async (statement: (sql: Sql) => Promise<unknown>): Promise<Read[]> =>
  (await plansOf(ledger.pools.routine, statement)).flatMap(nodesOf).flatMap((node) => {
    const relation = node["Relation Name"];
    return relation === undefined ? [] : [{ node: node["Node Type"], relation, rows: rowsLookedAt(node) }];
  });

const rowsOf = (found: readonly Read[]): number => found.reduce((sum, { rows }) => sum + rows, 0);

const assertIndexed = (found: readonly Read[], relations: readonly string[]): void => {
  for (const relation of relations)
    assert.ok(
      found.some((read) => read.relation === relation),
      `${relation} is read`,
    );
  for (const { node, relation, rows } of found) {
    if (!relations.includes(relation)) continue;
    assert.match(node, /Index|Bitmap Heap|Lock|ModifyTable/, `${relation} is read by index`);
    assert.ok(rows <= FEW, `${relation}: ${rows} rows were looked at`);
  }
};

for (const [what, settle] of [
  ["what was sent", settleSent],
  ["what was not", settleUnsent],
] as const)
  test(`settling ${what} reads its own rows by index right after a fan-out of 100,000`, async () => {
    const { rows } = await ledger.pools.routine.query<{ notice: number; endpoint: number }>(
      "SELECT notice, endpoint FROM deliveries WHERE chunk = 250",
    );
    const column = <T>(value: T): T[] => rows.map(() => value);
    const found = await readsOf((sql) =>
      settle(sql, {
        notice: rows.map(({ notice }) => notice),
        endpoint: rows.map(({ endpoint }) => endpoint),
        chunk: column(250),
        run: column(1),
        status: column("waiting"),
        reason: column(null),
        delayMs: column(1_000),
        counted: column(true),
        ageMs: column(5),
        ms: column(4),
        code: column(200),
        error: column(null),
        answer: column("ok"),
      }),
    );
    assert.equal(rows.length, CHUNK);
    assertIndexed(found, ["deliveries"]);
  });

test("loading a chunk reads its own deliveries, endpoints and partners by index", async () => {
  const found = await readsOf((sql) => loadChunk(sql, 250, "webhook"));
  assertIndexed(found, ["deliveries", "endpoints", "partners"]);
});

test("taking a lease reads one chunk by index", async () => {
  const found = await readsOf((sql) => takeLease(sql, 250, 1_000));
  assertIndexed(found, ["chunks"]);
});

test("a sweep reads what is due by index, not what waits in chunks", async () => {
  const found = await readsOf((sql) => sweepDue(sql, "routine", 10_000));
  assertIndexed(found, ["deliveries"]);
});

test("who cannot be reached is found without looking at the 100,000 who can", async () => {
  const sql = ledger.pools.routine;
  await sql.query("UPDATE endpoints SET status = 'bounced' WHERE partner IN ('p1', 'p2')");
  for (const look of [countUnreachable, (it: Sql) => unreachableOf(it, "CHG-1")])
    assertIndexed(await readsOf(look), ["endpoints", "partners"]);
});

/** What the sweeps of one second may look at, whatever a pause holds. */
const BESIDE_PAUSED = 2_000;
const SWEEP = 10_000;

test("while everything is paused, a sweep looks at nothing of 100,000 due deliveries", async () => {
  const sql = ledger.pools.routine;
  await sql.query("INSERT INTO services (service, title) VALUES ('api', 'API')");
  await sql.query(
    `INSERT INTO changes (change, revision, status, category, service, state)
     VALUES ('CHG-1', 1, 'announced', 'major', 'api', '{}')`,
  );
  await sql.query(
    `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status, fanned_out_at)
     VALUES ('CHG-1.r1.reminder-P7D', 'CHG-1', 1, 'reminder', 'routine', 'all', now(), now(), 'sending', now())`,
  );
  await sql.query(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
     SELECT n.no, e.no, 'routine', 'webhook', now() - interval '1 hour' + e.no * interval '1 millisecond'
     FROM notices n, endpoints e WHERE n.change = 'CHG-1'`,
  );
  await sql.query("UPDATE installation SET paused_at = now()");
  const found = await readsOf((explained) => sweepDue(explained, "routine", SWEEP));
  const late = await readsOf(countOverdue);
  await sql.query("UPDATE installation SET paused_at = NULL");
  assert.equal(rowsOf(found.filter(({ relation }) => relation === "deliveries")), 0);
  assert.ok(rowsOf(late) < BESIDE_PAUSED, `${rowsOf(late)} rows`);
});

test("beside 100,000 due deliveries of a paused change, a sweep looks at what others have due, once it has put them aside", async () => {
  const sql = ledger.pools.routine;
  await sql.query("UPDATE changes SET paused_at = now()");
  let aside = 0;
  for (let held = -1; held !== 0; aside += held) ({ held } = await sweepDue(sql, "routine", SWEEP));
  assert.equal(aside, DELIVERIES);
  await sql.query("UPDATE deliveries SET chunk = NULL, due_at = now() WHERE chunk = 1");
  const swept = await readsOf((explained) => sweepDue(explained, "routine", SWEEP));
  assertIndexed(swept, ["deliveries"]);
  assert.ok(rowsOf(swept) < BESIDE_PAUSED, `${rowsOf(swept)} rows`);
  const others = await sweepDue(sql, "routine", SWEEP);
  assert.deepEqual([others.chunks.length, others.held], [1, 0], "the others go");
  for (const look of [(it: Sql) => releaseHeld(it, "routine", 50), countOverdue]) {
    const found = await readsOf(look);
    assert.ok(rowsOf(found) < BESIDE_PAUSED, `${rowsOf(found)} rows`);
  }
});

test("resumed, they come back oldest first, in bounded numbers, by index", async () => {
  const sql = ledger.pools.routine;
  await sql.query("UPDATE changes SET paused_at = NULL");
  const found = await readsOf((explained) => releaseHeld(explained, "routine", 50));
  assertIndexed(found, ["chunks"]);
  const released: number[] = [];
  for (let ids = [0]; ids.length > 0; released.push(...ids))
    ids = (await releaseHeld(sql, "routine", 50)).map(({ id }) => id);
  assert.equal(released.length, DELIVERIES / CHUNK);
  const { rows } = await sql.query<{ id: number }>(
    `SELECT chunk AS id FROM deliveries d JOIN notices n ON n.no = d.notice WHERE n.change = 'CHG-1' AND d.chunk IS NOT NULL
     GROUP BY chunk ORDER BY min(d.due_at)`,
  );
  assert.deepEqual(
    released,
    rows.map(({ id }) => id),
  );
});

test("loading a chunk of mails looks for their threads by index, in the notices of one change before", async () => {
  await inTransaction(ledger.pools.routine, async (sql) => {
    // No change is needed to plan by.
    await sql.query("SET LOCAL session_replication_role = replica");
    await sql.query("UPDATE notices SET change = 'CHG-1' WHERE id = 'n.test.1'");
    await sql.query(
      `INSERT INTO notices (no, id, change, kind, lane, audience, due_at, fan_out_at, status) OVERRIDING SYSTEM VALUE
       SELECT no - 100 - earlier, 'n.test.earlier' || earlier, change, kind, lane, audience, due_at, fan_out_at, 'done'
       FROM notices, generate_series(1, 3) AS earlier WHERE id = 'n.test.1'`,
    );
  });
  const found = await readsOf((sql) => loadChunk(sql, 250, "email"));
  assertIndexed(found, ["deliveries", "endpoints", "partners"]);
});
