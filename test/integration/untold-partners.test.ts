import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Ledger } from "../../src/ledger/connection.ts";
import { untoldPartners } from "../../src/ledger/minimums.ts";
import { nodesOf, plansOf, rowsLookedAt } from "../support/plan-rows.ts";
import { freshLedger } from "../support/servers.ts";

const PARTNERS = 3_000;
let ledger: Ledger;

/** The date moved there and back. Everybody was told of it since, but for these. */
const UNTOLD = {
  p5: "was told before it moved",
  p6: "was sent a mail that came back",
  p7: "was told of the other date",
  p8: "has a delivery that waits",
  p9: "has no endpoint",
};

before(async () => {
  ({ ledger } = await freshLedger());
  const sql = ledger.pools.routine;
  for (const text of [
    "INSERT INTO services (service, title) VALUES ('api', 'API')",
    `INSERT INTO changes (change, revision, status, category, service, release_at, state)
     VALUES ('C', 3, 'announced', 'major', 'api', '2027-06-01', '{"dateSince": "2026-11-03T00:00:00.000Z"}')`,
    "INSERT INTO policies (hash, policy) VALUES ('p', '{}')",
    `INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, verdict)
     SELECT 'C', n, n, '2026-11-01'::timestamptz + (n - 1) * interval '1 day', 'p', 'routine', '{}', '{}', '{}' FROM generate_series(1, 3) AS n`,
    `INSERT INTO partners (partner, name, subscriptions) SELECT 'p' || n, 'P', '{api}' FROM generate_series(1, ${PARTNERS}) AS n`,
    `INSERT INTO partners (partner, name, subscriptions) VALUES ('other', 'O', '{}')`,
    `INSERT INTO endpoints (partner, channel, address)
     SELECT partner, 'webhook', 'https://p.example/' || partner FROM partners WHERE partner <> 'p9'`,
    `INSERT INTO notices (id, change, revision, kind, lane, audience, release_at, due_at, fan_out_at, fan_out_started_at, status)
     VALUES ('before', 'C', 1, 'announcement', 'routine', 'all', '2027-06-01', now(), now(), now(), 'done'),
            ('other', 'C', 2, 'rescheduled', 'routine', 'all', '2027-05-01', now(), now(), now(), 'done'),
            ('present', 'C', 3, 'rescheduled', 'routine', 'all', '2027-06-01', now(), now(), now(), 'sending')`,
    `INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at)
     SELECT n.no, e.no, 'routine', 'webhook', CASE WHEN partner = 'p8' THEN 'waiting' ELSE 'sent' END, 1, now(), now()
     FROM notices n, endpoints e WHERE n.id = CASE partner WHEN 'p5' THEN 'before' WHEN 'p7' THEN 'other' ELSE 'present' END`,
    `INSERT INTO bounces (notice, endpoint, kind, code)
     SELECT d.notice, d.endpoint, CASE WHEN partner = 'p6' THEN 'hard' ELSE 'soft' END, '5.1.1' FROM deliveries d JOIN endpoints e ON e.no = d.endpoint
     WHERE partner IN ('p6', 'p60')`,
  ])
    await sql.query(text);
});

test("who has not been told of the present date is found, and no more than was asked for", async () => {
  const sql = ledger.pools.routine;
  assert.deepEqual(await untoldPartners(sql, "C", 10), Object.keys(UNTOLD));
  assert.deepEqual(await untoldPartners(sql, "C", 2), ["p5", "p6"]);
});

test("each partner's own rows are read for it, before the tables were ever analysed and after", async () => {
  const sql = ledger.pools.routine;
  const looks = async (): Promise<number> => {
    const [plan] = await plansOf(sql, (client) => untoldPartners(client, "C", 10));
    assert.ok(plan);
    return nodesOf(plan).reduce((sum, node) => sum + (node["Relation Name"] === undefined ? 0 : rowsLookedAt(node)), 0);
  };
  const before = await looks();
  await sql.query("ANALYZE partners, endpoints, notices, deliveries");
  for (const read of [before, await looks()]) assert.ok(read < 5 * PARTNERS, `${read} rows read`);
});
