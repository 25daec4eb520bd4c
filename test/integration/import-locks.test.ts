import assert from "node:assert/strict";
import { test } from "node:test";
import type pg from "pg";
import type { Ledger } from "../../src/ledger/connection.ts";
import { lockHealth, recordHealth } from "../../src/ledger/endpoint-health.ts";
import { mergeImport, openImport, stageImport } from "../../src/ledger/partner-import.ts";
import { updatePartner } from "../../src/ledger/partners.ts";
import { freshLedger } from "../support/servers.ts";
import { until } from "../support/until.ts";

/** One partner with a webhook, and two connections in a transaction each. */
const start = async (): Promise<{ ledger: Ledger; importing: pg.PoolClient; other: pg.PoolClient }> => {
  const { ledger } = await freshLedger();
  const { routine } = ledger.pools;
  await routine.query("INSERT INTO partners (partner, name, subscriptions) VALUES ('acme', 'Acme', '{a}')");
  await routine.query(
    "INSERT INTO endpoints (partner, channel, address) VALUES ('acme', 'webhook', 'https://acme.example/')",
  );
  const [importing, other] = await Promise.all([routine.connect(), routine.connect()]);
  for (const client of [importing, other]) await client.query("BEGIN");
  return { ledger, importing, other };
};

const end = async (client: pg.PoolClient): Promise<void> => {
  await client.query("COMMIT");
  client.release();
};

const somebodyWaits = (ledger: Ledger): Promise<unknown> =>
  until(async () => (await ledger.pools.urgent.query("SELECT FROM pg_locks WHERE NOT granted")).rowCount, {
    what: "one waits for the other",
  });

test("an import waits for a settlement that has an endpoint in hand, and neither is given up for the other", async () => {
  const { ledger, importing, other: settling } = await start();
  const nothing = { locale: null, timeZone: null, holidays: null, endpoints: [] };
  await openImport(importing);
  await stageImport(importing, [{ line: 1, partner: "acme", name: "Acme 2", subscriptions: ["b"], ...nothing }]);
  const [row] = await lockHealth(settling, [1]);
  assert.ok(row);
  const settle = async (): Promise<void> => {
    await somebodyWaits(ledger);
    await recordHealth(settling, row.no, { failingSince: row.now, exhausted: 0 }, "active");
    await end(settling);
  };
  const ends = await Promise.allSettled([mergeImport(importing), settle()]);
  assert.deepEqual(
    ends.map((it) => (it.status === "rejected" ? String(it.reason) : "done")),
    ["done", "done"],
  );
  await end(importing);
  const { rows } = await ledger.pools.routine.query(
    "SELECT name, failing_since IS NOT NULL AS failing, unwelcomed FROM partners JOIN endpoints USING (partner)",
  );
  assert.deepEqual(rows, [{ name: "Acme 2", failing: true, unwelcomed: true }]);
});

test("a partner who is changed while an import takes its locks stands behind it, with nothing that the import wants", async () => {
  const { ledger, importing, other } = await start();
  await importing.query("LOCK TABLE partners IN SHARE ROW EXCLUSIVE MODE");
  const updated = updatePartner(other, "acme", { subscriptions: ["b"] });
  await somebodyWaits(ledger);
  await importing.query("LOCK TABLE endpoints IN SHARE ROW EXCLUSIVE MODE NOWAIT");
  await end(importing);
  assert.deepEqual((await updated)?.subscriptions, ["b"]);
  await end(other);
  const { rows } = await ledger.pools.routine.query("SELECT service FROM followers");
  assert.deepEqual(rows, [{ service: "b" }]);
});
