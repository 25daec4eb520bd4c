import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inTransaction, type Ledger } from "../../src/ledger/connection.ts";
import { freshLedger } from "../support/servers.ts";

let ledger: Ledger;
before(async () => {
  ({ ledger } = await freshLedger());
});

const ADD = "INSERT INTO services (service, title) VALUES ($1, 'x') RETURNING service";
const services = async (): Promise<string[]> =>
  (await ledger.pools.urgent.query<{ service: string }>("SELECT service FROM services ORDER BY service")).rows.map(
    (row) => row.service,
  );

test("what is sent last is committed with what came before it, and its result is there afterwards", async () => {
  const { added } = await inTransaction(ledger.pools.urgent, async (sql, last) => {
    await sql.query(ADD, ["a"]);
    return { added: last(sql.query<{ service: string }>(ADD, ["b"])) };
  });
  assert.deepEqual((await added).rows, [{ service: "b" }]);
  assert.deepEqual(await services(), ["a", "b"]);
});

test("a last statement that fails takes everything back, and says so", async () => {
  const failing = inTransaction(ledger.pools.urgent, async (sql, last) => {
    await sql.query(ADD, ["c"]);
    void last(sql.query(ADD, ["a"]));
    void last(sql.query(ADD, ["d"]));
  });
  await assert.rejects(failing, /duplicate key/);
  assert.deepEqual(await services(), ["a", "b"]);
});

test("work that throws beside statements that are under way takes everything back", async () => {
  const failing = inTransaction(ledger.pools.urgent, async (sql, last) => {
    void last(sql.query(ADD, ["e"]));
    throw new Error("it will not do");
  });
  await assert.rejects(failing, /it will not do/);
  assert.deepEqual(await services(), ["a", "b"]);
});

test("where a transaction cannot be begun nothing of it is done", async () => {
  const pool = ledger.pools.routine;
  const client = await pool.connect();
  const query = client.query.bind(client);
  // The next BEGIN on this connection fails, as one that is cancelled does.
  Object.assign(client, {
    query: (statement: string, values?: unknown[]) =>
      query(statement === "BEGIN" ? "BEGIN nonsense" : statement, values),
  });
  client.release();
  const failing = inTransaction(pool, async (sql) => {
    await sql.query("SELECT 1");
    await sql.query(ADD, ["f"]);
  });
  await assert.rejects(failing, /syntax error/);
  assert.deepEqual(await services(), ["a", "b"]);
  assert.equal(pool.totalCount, 0, "and its connection is given up");
});
