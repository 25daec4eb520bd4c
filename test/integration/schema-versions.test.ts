import assert from "node:assert/strict";
import { before, test } from "node:test";
import pg from "pg";
import { migrateLedger, NewerSchemaError } from "../../src/ledger/migrate.ts";
import { atEnd } from "../support/at-end.ts";
import { startProgram } from "../support/programs.ts";
import { freshDatabase } from "../support/servers.ts";
import { until } from "../support/until.ts";

let url: string;
let client: pg.Client;

/** A schema that a later version of this program left behind. */
before(async () => {
  url = await freshDatabase();
  client = new pg.Client({ connectionString: url });
  await client.connect();
  atEnd(() => client.end());
  await client.query("INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('later', 99999999999999)");
});

test("an older version refuses a newer schema, and changes nothing in it", async () => {
  await assert.rejects(migrateLedger(url), NewerSchemaError);
  const { rows } = await client.query<{ at: string }>("SELECT max(created_at) AS at FROM drizzle.__drizzle_migrations");
  assert.equal(Number(rows[0]?.at), 99_999_999_999_999);
  const locks = `SELECT FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  await until(async () => (await client.query(locks)).rowCount === 0, {
    what: "no lock is left to the next that starts",
  });
});

test("a worker of an older version ends at once with exit code 1 and one line that says what to start", async () => {
  const env = {
    DATABASE_URL: url,
    REDIS_URL: "redis://127.0.0.1:1",
    FOREWARN_SECRET: "0123456789abcdef0123456789abcdef",
  };
  await assert.rejects(startProgram("workers/scheduler.ts", { env }), (error: Error) => {
    assert.match(
      error.message,
      /ended at once with 1: \[\{"msg":"the ledger's schema is newer than this program; start [^"]*"\}\]$/,
    );
    return true;
  });
});

test("processes that start together on an empty database migrate it once", async () => {
  const empty = new URL(await freshDatabase());
  const name = empty.pathname.slice(1);
  await client.query(`CREATE DATABASE ${name}_empty`);
  atEnd(() => client.query(`DROP DATABASE ${name}_empty WITH (FORCE)`));
  empty.pathname = `/${name}_empty`;
  await Promise.all(Array.from({ length: 5 }, () => migrateLedger(empty.href)));
  const fresh = new pg.Client({ connectionString: empty.href });
  await fresh.connect();
  const { rows } = await fresh.query<{ all: string; different: string }>(
    'SELECT count(*) AS "all", count(DISTINCT hash) AS different FROM drizzle.__drizzle_migrations',
  );
  await fresh.end();
  assert.ok(Number(rows[0]?.all) > 0);
  assert.equal(rows[0]?.all, rows[0]?.different);
});
