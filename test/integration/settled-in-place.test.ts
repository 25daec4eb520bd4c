import assert from "node:assert/strict";
import { before, test } from "node:test";
import { endRun, sweepDue, takeLease } from "../../src/ledger/chunks.ts";
import { inTransaction, type Ledger, type Sql } from "../../src/ledger/connection.ts";
import { type LoadedDelivery, loadChunk, settleSent } from "../../src/ledger/deliveries.ts";
import { skipWaitingOf } from "../../src/ledger/endpoint-health.ts";
import { fanOutWindow, lockNotice } from "../../src/ledger/fan-out.ts";
import { countBacklog } from "../../src/ledger/installation.ts";
import { endEarlierNotices, finishNotices } from "../../src/ledger/notices.ts";
import { sealedRows, summarizeSent } from "../../src/ledger/seals.ts";
import { freshLedger } from "../support/servers.ts";

/** Three chunks and a bit: 200, 200, 200 and 50. */
const ENDPOINTS = 650;
const LEASE_MS = 60_000;
/** Sent a day ago, for the seals. */
const LONG_AGO = 100_000;

let ledger: Ledger;
let sql: Sql;
let revision = 0;

before(async () => {
  ({ ledger } = await freshLedger());
  sql = ledger.pools.routine;
  await sql.query("INSERT INTO services (service, title) VALUES ('api', 'API')");
  await sql.query(
    "INSERT INTO changes (change, revision, status, category, service, state) VALUES ('CHG-1', 1, 'announced', 'major', 'api', '{}')",
  );
  await sql.query("INSERT INTO partners (partner, name) SELECT 'p' || n, 'P' FROM generate_series(1, $1::int) AS n", [
    ENDPOINTS,
  ]);
  await sql.query(
    `INSERT INTO endpoints (partner, channel, address, unwelcomed)
     SELECT 'p' || n, 'webhook', 'https://p.example/' || n, false FROM generate_series(1, $1::int) AS n ORDER BY n`,
    [ENDPOINTS],
  );
});

/** A notice of a revision of its own to all endpoints, fanned out; answers its number and its chunks. */
const fanOut = async (): Promise<{ no: number; chunks: number[] }> => {
  revision += 1;
  const id = `CHG-1.r${revision}.announcement`;
  await sql.query(
    `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status)
     VALUES ($1, 'CHG-1', $2, 'announcement', 'routine', 'all', now(), now(), 'planned')`,
    [id, revision],
  );
  return inTransaction(ledger.pools.routine, async (client) => {
    const notice = await lockNotice(client, id);
    assert.ok(notice);
    const { chunks } = await fanOutWindow(client, notice, ENDPOINTS + 1);
    return { no: notice.no, chunks: chunks.map((chunk) => chunk.id) };
  });
};

const take = async (chunk: number): Promise<{ chunk: number; run: number; waiting: LoadedDelivery[] }> => {
  const run = await takeLease(sql, chunk, LEASE_MS);
  assert.ok(run);
  return { chunk, run, waiting: await loadChunk(sql, chunk, "webhook") };
};

const settle = (on: Sql, sent: readonly LoadedDelivery[]): Promise<void> => {
  const column = <T>(value: T): T[] => sent.map(() => value);
  return settleSent(on, {
    notice: sent.map(({ notice }) => notice),
    endpoint: sent.map(({ endpoint }) => endpoint),
    ageMs: column(5),
    ms: column(4),
    code: column(200),
    answer: column("ok"),
  });
};

const sendAll = async (chunk: number): Promise<void> => {
  const { run, waiting } = await take(chunk);
  await settle(sql, waiting);
  await endRun(sql, { chunk, run, pauseMs: 0 });
};

/** What the ledger counts as waiting, and what waits. */
const backlog = async (): Promise<[counted: number, waiting: number]> => {
  const { waiting } = await countBacklog(sql);
  const { rowCount } = await sql.query("SELECT FROM deliveries WHERE status = 'waiting'");
  return [waiting.reduce((sum, { count }) => sum + count, 0), rowCount ?? 0];
};
const statuses = async (notice: number): Promise<Record<string, number>> => {
  const { rows } = await sql.query<{ status: string; count: number }>(
    "SELECT status, count(*) AS count FROM deliveries WHERE notice = $1 GROUP BY status",
    [notice],
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
};
const finished = async (): Promise<string[]> => (await finishNotices(ledger.pools.routine)).map(({ id }) => id);

test("what was sent is settled beside its former version, and no index is touched", async () => {
  const { chunks } = await fanOut();
  const updates = await inTransaction(ledger.pools.routine, async (client) => {
    for (const chunk of chunks) await settle(client, await loadChunk(client, chunk, "webhook"));
    const { rows } = await client.query<{ all: number; inPlace: number }>(
      `SELECT n_tup_upd AS all, n_tup_hot_upd AS "inPlace" FROM pg_stat_xact_user_tables WHERE relname = 'deliveries'`,
    );
    return rows[0];
  });
  assert.equal(updates?.all, ENDPOINTS);
  // Where nothing was committed in between, so that no former version has made room yet.
  assert.ok(updates.inPlace > 0.9 * ENDPOINTS, `${updates.inPlace} of ${updates.all}, in one transaction`);
  for (const chunk of chunks) await sendAll(chunk);
  assert.deepEqual(await finished(), ["CHG-1.r1.announcement"]);
});

test("what waits is found in chunks and outside of them, until the last of it has ended", async () => {
  const { no, chunks } = await fanOut();
  assert.deepEqual(await backlog(), [ENDPOINTS, ENDPOINTS]);
  const [first = 0, ...others] = chunks;
  const { run, waiting } = await take(first);
  await settle(sql, waiting.slice(0, 150));
  assert.deepEqual(await backlog(), [ENDPOINTS - 150, ENDPOINTS - 150]);
  await endRun(sql, { chunk: first, run, pauseMs: 0 });
  assert.deepEqual(await backlog(), [ENDPOINTS - 150, ENDPOINTS - 150], "50 were given back");
  for (const chunk of others) await sendAll(chunk);
  assert.deepEqual([await backlog(), await finished()], [[50, 50], []]);
  const { chunks: swept } = await sweepDue(sql, "routine", 1_000);
  assert.equal(swept.length, 1);
  assert.deepEqual([await backlog(), await finished()], [[50, 50], []]);
  await sendAll(swept[0]?.id ?? 0);
  assert.deepEqual(await backlog(), [0, 0]);
  assert.deepEqual(await finished(), [`CHG-1.r${revision}.announcement`]);
  assert.deepEqual(await statuses(no), { sent: ENDPOINTS });
});

test("a later revision skips what waits, in chunks and outside of them, and leaves what a sender has in hand", async () => {
  const { no, chunks } = await fanOut();
  const [ended = 0, inHand = 0, ...queued] = chunks;
  const { run } = await take(ended);
  await endRun(sql, { chunk: ended, run, pauseMs: 0 });
  const hand = await take(inHand);
  const supersede = { change: "CHG-1", revision: revision + 1, supersedes: "all", status: "superseded" } as const;
  assert.equal(await endEarlierNotices(sql, { ...supersede, acceptedAt: new Date().toISOString() }), 1);
  assert.deepEqual(await statuses(no), { skipped: ENDPOINTS - 200, waiting: 200 });
  await settle(sql, hand.waiting);
  await endRun(sql, { ...hand, pauseMs: 0 });
  assert.deepEqual(await statuses(no), { skipped: ENDPOINTS - 200, sent: 200 });
  assert.deepEqual((await sweepDue(sql, "routine", 1_000)).chunks, []);
  for (const chunk of queued) assert.deepEqual((await take(chunk)).waiting, []);
  assert.deepEqual(await backlog(), [0, 0]);
});

test("what was sent by a run that lost its chunk is recorded, and nobody takes it up again", async () => {
  const { no, chunks } = await fanOut();
  const [chunk = 0] = chunks;
  const lost = await take(chunk);
  await endRun(sql, { ...lost, pauseMs: 0 });
  await settle(sql, lost.waiting.slice(0, 120));
  assert.deepEqual(await statuses(no), { sent: 120, waiting: ENDPOINTS - 120 });
  const { chunks: swept } = await sweepDue(sql, "routine", 1_000);
  assert.equal((await take(swept[0]?.id ?? 0)).waiting.length, 80);
});

test("what waits for an endpoint that was disabled is not swept up", async () => {
  await fanOut();
  const { rows } = await sql.query<{ endpoint: number }>(
    "UPDATE deliveries SET chunk = NULL, due_at = now() WHERE (notice, endpoint) IN (SELECT max(notice), max(endpoint) FROM deliveries) RETURNING endpoint",
  );
  assert.ok((await skipWaitingOf(sql, rows[0]?.endpoint ?? 0)) > 0);
  assert.deepEqual((await sweepDue(sql, "routine", 1_000)).chunks, []);
});

test("sealing reads the pages of its time, not all that was ever sent", async () => {
  const pool = ledger.pools.routine;
  await sql.query(
    `INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at, attempts)
     SELECT -1, n, 'routine', 'webhook', 'sent', 0, at, at, 1
     FROM (SELECT n, now() - interval '1 day' + n * interval '100 milliseconds' AS at FROM generate_series(1, $1::int) AS n) AS old`,
    [LONG_AGO],
  );
  await summarizeSent(pool);
  const [sealed, read] = await inTransaction(pool, async (client) => {
    const looks = async (): Promise<number> => {
      const { rows } = await client.query<{ read: number }>(
        "SELECT seq_tup_read + idx_tup_fetch AS read FROM pg_stat_xact_user_tables WHERE relname = 'deliveries'",
      );
      return rows[0]?.read ?? 0;
    };
    const before = await looks();
    const rows = await sealedRows(client, { from: new Date(Date.now() - 600_000), through: new Date() });
    return [rows.length, (await looks()) - before];
  });
  assert.ok(sealed > ENDPOINTS, "what the tests before have sent");
  assert.ok(read >= sealed && read < 0.1 * LONG_AGO, `${read} of ${LONG_AGO} were read`);
});
