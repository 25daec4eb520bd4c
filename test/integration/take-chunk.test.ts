import assert from "node:assert/strict";
import { before, test } from "node:test";
import { endRun, takeLease } from "../../src/ledger/chunks.ts";
import { inTransaction, type Ledger, type Sql } from "../../src/ledger/connection.ts";
import { settleSent } from "../../src/ledger/deliveries.ts";
import { takeChunk } from "../../src/ledger/take-chunk.ts";
import { freshLedger } from "../support/servers.ts";
import { until } from "../support/until.ts";

const LEASE_MS = 60_000;
let ledger: Ledger;

/** A chunk with one webhook delivery of a notice; both have its number. */
const chunkOf = async (no: number): Promise<void> => {
  const sql = ledger.pools.routine;
  await sql.query(
    `INSERT INTO notices (no, id, kind, lane, audience, due_at, fan_out_at, status) OVERRIDING SYSTEM VALUE
     VALUES ($1, $2, 'test', 'urgent', 'all', now(), now(), 'sending')`,
    [no, `n.test.${no}`],
  );
  await sql.query("INSERT INTO chunks (id, lane, channel) VALUES ($1, 'urgent', 'webhook')", [no]);
  await sql.query(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, chunk, due_at)
     SELECT $1::int8, no, 'urgent', 'webhook', $1::int8, now() FROM endpoints`,
    [no],
  );
};
const take = (chunk: number) => takeChunk(ledger.pools.urgent, { chunk, channel: "webhook", leaseMs: LEASE_MS });

before(async () => {
  ({ ledger } = await freshLedger());
  await ledger.pools.routine.query("INSERT INTO partners (partner, name) VALUES ('acme', 'Acme')");
  await ledger.pools.routine.query(
    "INSERT INTO endpoints (partner, channel, address) VALUES ('acme', 'webhook', 'https://acme.example/')",
  );
});

test("whoever takes a chunk has what waits in it and how its notice stands; the next one has nothing", async () => {
  await chunkOf(1);
  const taken = await take(1);
  assert.equal(taken?.run, 1);
  assert.deepEqual(
    taken.waiting.map(({ notice, address }) => [notice, address]),
    [[1, "https://acme.example/"]],
  );
  assert.equal(taken.states.get(1)?.noticeEnded, false);
  assert.equal(await take(1), null);
});

test("a notice that ends while the lease is waited for is seen to have ended", async () => {
  await chunkOf(2);
  const other = await ledger.pools.routine.connect();
  try {
    await other.query("BEGIN");
    await other.query("SELECT FROM chunks WHERE id = 2 FOR UPDATE");
    const taking = take(2);
    const isWaiting = async (): Promise<boolean> => {
      const { rows } = await ledger.pools.routine.query<{ waiting: boolean }>(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%leased_until%') AS waiting",
      );
      return rows[0]?.waiting === true;
    };
    await until(isWaiting, { what: "the lease is waited for" });
    await ledger.pools.routine.query("UPDATE notices SET status = 'superseded' WHERE no = 2");
    await other.query("COMMIT");
    const taken = await taking;
    assert.equal(taken?.states.get(2)?.noticeEnded, true);
  } finally {
    other.release();
  }
});

test("chunks that could not be taken, more than there are connections, keep none of them", async () => {
  await chunkOf(3);
  for (let turn = 0; turn < 6; turn += 1)
    await assert.rejects(takeChunk(ledger.pools.urgent, { chunk: Number.NaN, channel: "webhook", leaseMs: LEASE_MS }));
  assert.equal((await take(3))?.run, 1);
});

test("neither a lease nor the end of a run waits for the disk, and everything else does", async () => {
  await chunkOf(4);
  const pool = ledger.pools.urgent;
  /** `synchronous_commit` as the transaction's commit finds it. */
  const commitOf = (work: (sql: Sql) => Promise<unknown>): Promise<string | undefined> =>
    inTransaction(pool, async (sql) => {
      // The tests' own server waits for no disk.
      await sql.query("SET LOCAL synchronous_commit = on");
      await work(sql);
      const { rows } = await sql.query<{ commit: string }>("SELECT current_setting('synchronous_commit') AS commit");
      return rows[0]?.commit;
    });
  const sent = { notice: [4], endpoint: [1], ageMs: [5], ms: [5], code: [200], answer: ["ok"] };
  assert.equal(await commitOf((sql) => takeLease(sql, 4, LEASE_MS)), "off");
  assert.equal(await commitOf((sql) => settleSent(sql, sent)), "on");
  assert.equal(await commitOf((sql) => endRun(sql, { chunk: 4, run: 1, pauseMs: 0 })), "off");
  assert.equal(await commitOf(async () => undefined), "on");
});
