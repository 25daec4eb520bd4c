import assert from "node:assert/strict";
import { before, test } from "node:test";
import type pg from "pg";
import type { Audience } from "../../src/domain/notice.ts";
import type { Ledger, Sql } from "../../src/ledger/connection.ts";
import { loadChunk } from "../../src/ledger/deliveries.ts";
import { insertEndpoint } from "../../src/ledger/endpoints.ts";
import { fanOutWindow, lockNotice } from "../../src/ledger/fan-out.ts";
import { lastTold } from "../../src/ledger/last-told.ts";
import { chunkStates } from "../../src/ledger/notice-content.ts";
import { erasePartner, insertPartner, updatePartner } from "../../src/ledger/partners.ts";
import { explaining, nodesOf, rowsLookedAt } from "../support/plan-rows.ts";
import { freshLedger } from "../support/servers.ts";

/** Endpoints of others, and those of the notice's own service. */
const OTHERS = 20_000;
const OWN = 300;
/** More than PostgreSQL plans anew before it keeps a plan for good (five times). */
const RUNS = 7;
/** Rows looked at for each endpoint that is told: itself, its partner, what it was told before, and little else. */
const EACH = 30;

let ledger: Ledger;
let no = 0;
before(async () => {
  ({ ledger } = await freshLedger());
  const sql = ledger.pools.routine;
  await sql.query("INSERT INTO services (service, title) VALUES ('payments', 'P'), ('search', 'S')");
  await sql.query(
    `INSERT INTO changes (change, revision, status, category, service, state)
     VALUES ('CHG-1', 1, 'announced', 'major', 'payments', '{}')`,
  );
  for (const table of ["deliveries", "endpoints", "partners", "followers", "notices"])
    await sql.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
});

/** `count` partners with a webhook each. */
const join = async (name: string, service: string, count: number): Promise<void> => {
  const sql = ledger.pools.routine;
  await sql.query(
    `INSERT INTO partners (partner, name, subscriptions)
     SELECT $1 || n, 'P', ARRAY[$2] FROM generate_series(1, $3::int) AS n`,
    [name, service, count],
  );
  await sql.query(
    `INSERT INTO endpoints (partner, channel, address, unwelcomed)
     SELECT $1 || n, 'webhook', 'https://p.example/' || n, false FROM generate_series(1, $2::int) AS n`,
    [name, count],
  );
};

const planNotice = async (sql: Sql, audience: Audience): Promise<string> => {
  no += 1;
  const id = `CHG-1.n${no}`;
  await sql.query(
    `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status)
     VALUES ($1, 'CHG-1', $2, 'announcement', 'urgent', $3, now(), now(), 'planned')`,
    [id, no, audience],
  );
  return id;
};

type Value = string | number | number[] | null;
const sqlText = (value: Value): string => {
  if (value === null) return "NULL";
  return Array.isArray(value) ? `'{${value.join()}}'` : `'${value}'`;
};

/** Runs by `client` the statement that it keeps under its name, and answers how many rows its plan looks at. */
const rowsOf = async (client: pg.PoolClient, run: (sql: Sql) => Promise<unknown>): Promise<number> => {
  const { sql, plans } = explaining(client, ({ name, values }) => ({
    text: `EXECUTE "${name}" (${(values as Value[]).map(sqlText).join()})`,
  }));
  await run(sql);
  return plans.flatMap(nodesOf).reduce((sum, node) => sum + rowsLookedAt(node), 0);
};

/** What a sender reads of a chunk that asks for what was sent before. */
const LOOKS = [(sql: Sql, chunk: number) => loadChunk(sql, chunk, "email"), chunkStates, lastTold];

/** Fans a notice out, all of it sent at once; answers the rows that the window looked at, 0 unless `isExplained`. */
const fanOut = async (client: pg.PoolClient, audience: Audience, isExplained: boolean): Promise<number> => {
  const id = await planNotice(client, audience);
  await client.query("BEGIN");
  const notice = await lockNotice(client, id);
  assert.ok(notice);
  const window = (sql: Sql): Promise<unknown> => fanOutWindow(sql, notice, 1_000);
  const rows = isExplained ? await rowsOf(client, window) : (await window(client), 0);
  await client.query("COMMIT");
  await client.query(
    "UPDATE deliveries SET status = 'sent', sent_at = now(), attempts = 1, chunk = coalesce(chunk, 0) WHERE notice = $1",
    [notice.no],
  );
  return rows;
};

test("a plan that was made while there was one endpoint finds a few of many by index, whatever the audience", async () => {
  const client = await ledger.pools.routine.connect();
  try {
    await join("first", "payments", 1);
    const audiences: Audience[] = ["all", "told", "untold"];
    for (let run = 0; run < RUNS; run += 1) {
      for (const audience of audiences) await fanOut(client, audience, false);
      for (const look of LOOKS) await look(client, 0);
    }
    await join("other", "search", OTHERS);
    await join("own", "payments", OWN);
    // What there is to have been told grows with each.
    for (const audience of audiences)
      for (let run = 0; run < 2; run += 1) {
        const rows = await fanOut(client, audience, true);
        const most = (OWN + 1) * (EACH + 3 * no);
        assert.ok(rows <= most, `${audience}: ${rows} rows were looked at, more than ${most}`);
        assert.ok(rows >= OWN, `${audience}: ${rows} rows`);
      }
    // One more notice, whose chunk a sender takes.
    const id = await planNotice(client, "all");
    await client.query(
      `INSERT INTO deliveries (notice, endpoint, lane, channel, chunk, due_at)
       SELECT n.no, e.no, 'urgent', 'email', 1, now() FROM notices n, endpoints e WHERE n.id = $1 AND e.partner LIKE 'own%' AND e.no % 3 = 0`,
      [id],
    );
    for (const look of LOOKS) {
      const rows = await rowsOf(client, (sql) => look(sql, 1));
      const most = (OWN / 3) * 3 * no + 1_000;
      assert.ok(rows <= most, `${rows} rows were looked at for a chunk, more than ${most}`);
    }
  } finally {
    client.release();
  }
});

/** Who follows what, as it is kept and as partners and endpoints say. */
const following = async (): Promise<{ kept: string[]; said: string[] }> => {
  const read = async (text: string): Promise<string[]> =>
    (await ledger.pools.routine.query<{ pair: string }>(text)).rows.map(({ pair }) => pair);
  return {
    kept: await read(
      `SELECT f.service || ' ' || e.partner || ' ' || e.no AS pair FROM followers f JOIN endpoints e ON e.no = f.endpoint
       WHERE e.deleted_at IS NULL ORDER BY 1`,
    ),
    said: await read(
      `SELECT s || ' ' || e.partner || ' ' || e.no AS pair FROM partners p JOIN endpoints e USING (partner), unnest(p.subscriptions) AS s
       WHERE e.deleted_at IS NULL ORDER BY 1`,
    ),
  };
};

const acme = { partner: "acme", name: "Acme", locale: "en", timeZone: "UTC", holidays: [] };
const webhook = { partner: "acme", channel: "webhook", role: "primary", secretSealed: null } as const;

test("who follows a service is kept as partners join, subscribe anew, leave and come back", async () => {
  const sql = ledger.pools.routine;
  const agree = async (count: number): Promise<void> => {
    const { kept, said } = await following();
    assert.deepEqual(kept, said);
    assert.equal(kept.filter((pair) => pair.includes(" acme ")).length, count);
  };
  await insertPartner(sql, { ...acme, subscriptions: ["payments", "search"] });
  await insertEndpoint(sql, { ...webhook, address: "https://acme.example/a" });
  await insertEndpoint(sql, { ...webhook, address: "https://acme.example/b" });
  await agree(4);
  await updatePartner(sql, "acme", { name: "Acme Ltd" });
  await agree(4);
  await updatePartner(sql, "acme", { subscriptions: ["*"] });
  await agree(2);
  await erasePartner(sql, "acme");
  await agree(0);
  await insertPartner(sql, { ...acme, subscriptions: ["payments"] });
  await insertEndpoint(sql, { ...webhook, address: "https://acme.example/c" });
  await agree(1);
});

test("an endpoint that is added while its partner subscribes anew follows what comes of it", async () => {
  const [subscribing, adding] = [await ledger.pools.routine.connect(), await ledger.pools.routine.connect()];
  try {
    await subscribing.query("BEGIN");
    await updatePartner(subscribing, "acme", { subscriptions: ["search"] });
    const added = insertEndpoint(adding, { ...webhook, address: "https://acme.example/d" });
    await subscribing.query("SELECT pg_sleep(0.1)");
    await subscribing.query("COMMIT");
    await added;
  } finally {
    subscribing.release();
    adding.release();
  }
  const { kept, said } = await following();
  assert.deepEqual(kept, said);
});
