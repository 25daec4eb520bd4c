import assert from "node:assert/strict";
import { mkdtemp, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { adminKeyShown, ensureAdminKey } from "../../src/http/first-key.ts";
import { openApi } from "../support/api.ts";
import { freshLedger, quietLog, temporaryFolder } from "../support/servers.ts";

test("the first start makes one admin key and keeps it for the command line, and the next start makes none", async () => {
  const { ledger } = await freshLedger();
  const dataFolder = await mkdtemp(join(await temporaryFolder(), "data-"));
  const starts = await Promise.all(
    [1, 2, 3].map(() => ensureAdminKey({ ledger, config: { adminKey: undefined, dataFolder }, log: quietLog })),
  );
  const made = [...new Set(starts.map((start) => start.made))];
  assert.equal(made.length, 1, "whoever comes first makes it, and all have the same to show");
  const file = join(dataFolder, "admin-key");
  assert.equal((await readFile(file, "utf8")).trim(), made[0]);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const api = await openApi({ ledger });
  assert.equal((await api.call("GET", "/v1/keys", { key: made[0] ?? "" })).statusCode, 200);
  const again = () => ensureAdminKey({ ledger, config: { adminKey: undefined, dataFolder }, log: quietLog });
  assert.deepEqual(await again(), { made: made[0] }, "nobody has seen it yet");
  adminKeyShown(dataFolder);
  assert.deepEqual(await again(), { made: null });
});

test("any text of FOREWARN_ADMIN_KEY works as a key, also after it was revoked", async () => {
  const { ledger } = await freshLedger();
  const config = { adminKey: "correct horse battery staple".replaceAll(" ", "-"), dataFolder: "/nonexistent" };
  const start = () => ensureAdminKey({ ledger, config, log: quietLog });
  assert.deepEqual([await start(), await start()], [{ made: null }, { made: null }]);
  const api = await openApi({ ledger });
  const ask = async () => (await api.call("GET", "/v1/keys", { key: config.adminKey })).statusCode;
  assert.equal(await ask(), 200);
  await ledger.pools.routine.query("UPDATE keys SET revoked_at = now() WHERE name = 'FOREWARN_ADMIN_KEY'");
  assert.equal(await ask(), 401);
  await start();
  assert.equal(await ask(), 200);
});

test("another FOREWARN_ADMIN_KEY takes the place of the former one, and keys that were made otherwise stay", async () => {
  const { ledger } = await freshLedger();
  const dataFolder = await temporaryFolder();
  const start = (adminKey?: string) => ensureAdminKey({ ledger, config: { adminKey, dataFolder }, log: quietLog });
  const { made } = await start();
  await start("the-first-admin-key");
  const api = await openApi({ ledger });
  const works = async (key: string) => (await api.call("GET", "/v1/keys", { key })).statusCode === 200;
  const created = await api.call("POST", "/v1/keys", {
    key: "the-first-admin-key",
    body: { name: "FOREWARN_ADMIN_KEY", scopes: ["admin"] },
  });
  const others = [made ?? "", created.json<{ secret: string }>().secret];
  assert.deepEqual(await Promise.all(["the-first-admin-key", ...others].map(works)), [true, true, true]);

  const keys = ["the-second-admin-key", "the-first-admin-key", ...others];
  await Promise.all([start("the-second-admin-key"), start("the-second-admin-key")]);
  assert.deepEqual(await Promise.all(keys.map(works)), [true, false, true, true]);
  await start();
  assert.deepEqual(await Promise.all(keys.map(works)), [true, false, true, true], "without the variable all stays");
  await start("the-first-admin-key");
  assert.deepEqual(await Promise.all(keys.map(works)), [false, true, true, true]);
});
