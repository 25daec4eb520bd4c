import assert from "node:assert/strict";
import { before, test } from "node:test";
import { welcomeEndpoints } from "../../src/ledger/late.ts";
import { inTransaction, type Ledger } from "../../src/ledger/connection.ts";
import { finishNotices } from "../../src/ledger/notices.ts";
import { lockDelivery, putBack } from "../../src/ledger/replays.ts";
import { freshLedger } from "../support/servers.ts";
import { until } from "../support/until.ts";

let ledger: Ledger;
before(async () => {
  ({ ledger } = await freshLedger());
  const sql = ledger.pools.routine;
  await sql.query("INSERT INTO services (service, title) VALUES ('api', 'API')");
  await sql.query(
    `INSERT INTO policies (hash, policy) VALUES ('p', '{"timeZone":"UTC","sendAt":"09:00","heldDays":[]}')`,
  );
  await sql.query("INSERT INTO partners (partner, name) VALUES ('acme', 'Acme'), ('globex', 'Globex')");
  await sql.query(
    `INSERT INTO endpoints (partner, channel, address, unwelcomed)
     VALUES ('acme', 'webhook', 'https://acme.example/', false), ('globex', 'webhook', 'https://globex.example/', false)`,
  );
});

/** A change whose announcement has come to an end, failed, and is not finished yet. */
const announce = async (change: string): Promise<void> => {
  const sql = ledger.pools.routine;
  await sql.query(
    "INSERT INTO changes (change, revision, status, category, service, state) VALUES ($1, 1, 'announced', 'major', 'api', '{}')",
    [change],
  );
  await sql.query(
    `INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, verdict, planned_at)
     VALUES ($1, 1, 1, now(), 'p', 'routine', '{}', '{}', '{}', now())`,
    [change],
  );
  await sql.query(
    `WITH n AS (
       INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status, fan_out_started_at, fanned_out_at)
       VALUES ($1 || '.n', $1, 1, 'announcement', 'routine', 'all', now(), now(), 'sending', now(), now()) RETURNING no
     )
     INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at)
     SELECT no, 1, 'routine', 'webhook', 'failed', 0, now() FROM n`,
    [change],
  );
};

const statusOf = async (change: string): Promise<string | undefined> => {
  const { rows } = await ledger.pools.routine.query<{ status: string }>(
    "SELECT status FROM notices WHERE change = $1",
    [change],
  );
  return rows[0]?.status;
};

test("a notice that nobody adds to is done", async () => {
  await announce("CHG-0");
  assert.deepEqual(
    (await finishNotices(ledger.pools.routine)).map(({ id }) => id),
    ["CHG-0.n"],
  );
});

test("a delivery that is put back while its notice is finished keeps the notice open", async () => {
  await announce("CHG-1");
  const other = await ledger.pools.routine.connect();
  await other.query("BEGIN");
  const delivery = await lockDelivery(other, "CHG-1.n.ep_1");
  assert.ok(delivery);
  await putBack(other, delivery);
  const finished = finishNotices(ledger.pools.urgent);
  await other.query("COMMIT");
  other.release();
  await finished;
  assert.deepEqual(await finishNotices(ledger.pools.urgent), []);
  assert.equal(await statusOf("CHG-1"), "sending");
});

test("a late joiner who is welcomed while the notice is finished keeps it open, whoever comes first", async () => {
  for (const [change, isWelcomedFirst] of [
    ["CHG-2", true],
    ["CHG-3", false],
  ] as const) {
    await ledger.pools.routine.query("UPDATE changes SET status = 'released'");
    await announce(change);
    await ledger.pools.routine.query("UPDATE endpoints SET unwelcomed = true WHERE no = 2");
    const other = await ledger.pools.routine.connect();
    await other.query("BEGIN");
    if (isWelcomedFirst) {
      assert.deepEqual(await welcomeEndpoints(other), { endpoints: 1, deliveries: 1 });
      assert.deepEqual(await finishNotices(ledger.pools.urgent), []);
      await other.query("COMMIT");
    } else {
      // Held between its two statements, as a process may be.
      await other.query("SELECT FROM notices WHERE change = $1 FOR UPDATE", [change]);
      await other.query("UPDATE notices SET status = 'done', done_at = now() WHERE change = $1", [change]);
      const welcomed = inTransaction(ledger.pools.urgent, welcomeEndpoints);
      const waits = "SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'";
      await until(async () => (await ledger.pools.routine.query(waits)).rowCount === 1, { what: "the welcome waits" });
      await other.query("COMMIT");
      assert.deepEqual(await welcomed, { endpoints: 1, deliveries: 1 });
    }
    other.release();
    assert.deepEqual(await finishNotices(ledger.pools.urgent), []);
    assert.equal(await statusOf(change), "sending");
  }
});
