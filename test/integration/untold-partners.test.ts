import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Ledger } from "../../src/ledger/connection.ts";
import { untoldPartners } from "../../src/ledger/minimums.ts";
import { nodesOf, plansOf, rowsLookedAt } from "../support/plan-rows.ts";
import { freshLedger } from "../support/servers.ts";

const PARTNERS = 3_000;
let ledger: Ledger;

/** Everybody was told but p7, who was told of the former date, p8, whose delivery waits, and p9, who has no endpoint. */
before(async () => {
  ({ ledger } = await freshLedger());
  const sql = ledger.pools.routine;
  for (const text of [
    "INSERT INTO services (service, title) VALUES ('api', 'API')",
    `INSERT INTO changes (change, revision, status, category, service, release_at, state)
     VALUES ('C', 2, 'announced', 'major', 'api', '2027-06-01', '{}')`,
    `INSERT INTO partners (partner, name, subscriptions) SELECT 'p' || n, 'P', '{api}' FROM generate_series(1, ${PARTNERS}) AS n`,
    `INSERT INTO partners (partner, name, subscriptions) VALUES ('other', 'O', '{}')`,
    `INSERT INTO endpoints (partner, channel, address)
     SELECT partner, 'webhook', 'https://p.example/' || partner FROM partners WHERE partner <> 'p9'`,
    `INSERT INTO notices (id, change, revision, kind, lane, audience, release_at, due_at, fan_out_at, status)
     VALUES ('former', 'C', 1, 'announcement', 'routine', 'all', '2027-05-01', now(), now(), 'done'),
            ('present', 'C', 2, 'announcement', 'routine', 'all', '2027-06-01', now(), now(), 'sending')`,
    `INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at)
     SELECT n.no, e.no, 'routine', 'webhook', CASE WHEN partner = 'p8' THEN 'waiting' ELSE 'sent' END, 1, now(), now()
     FROM notices n, endpoints e WHERE n.id = CASE WHEN partner = 'p7' THEN 'former' ELSE 'present' END`,
  ])
    await sql.query(text);
});

test("who has not been told of the present date is found, and no more than was asked for", async () => {
  const sql = ledger.pools.routine;
  assert.deepEqual(await untoldPartners(sql, "C", 10), ["p7", "p8", "p9"]);
  assert.deepEqual(await untoldPartners(sql, "C", 2), ["p7", "p8"]);
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
