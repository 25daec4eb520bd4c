import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import pg from "pg";
import { importPartners } from "../../src/http/import-partners.ts";
import { makeKeyring } from "../../src/keyring.ts";
import { openApi, type TestApi } from "../support/api.ts";
import { atEnd } from "../support/at-end.ts";
import { freshLedger } from "../support/servers.ts";
import { until } from "../support/until.ts";

const CSV = "text/csv";
const NDJSON = "application/x-ndjson";

const importing = (api: TestApi, type: string, body: string) => api.call("POST", "/v1/partners/import", { type, body });
const linesOf = (body: string): Record<string, string>[] =>
  body
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
const countPartners = async (api: TestApi): Promise<number> =>
  (await api.ledger.pools.routine.query("SELECT FROM partners")).rowCount ?? 0;

test("a CSV file creates partners, and answers the secret of each new webhook", async () => {
  const api = await openApi();
  await api.call("POST", "/v1/services", { body: { service: "billing", title: "Billing" } });
  const file = [
    "\ufeffpartner,name,email,webhook,timeZone,locale,subscriptions",
    'acme,"Acme, Inc.",a@acme.example b@acme.example,https://acme.example/hook,Europe/Paris,fr,billing *',
    "beta,Beta,,,,,",
    "",
  ].join("\r\n");
  const reply = await importing(api, CSV, file);
  assert.equal(reply.statusCode, 200, reply.body);
  assert.match(String(reply.headers["content-type"]), /^application\/x-ndjson/);
  const [webhook, ...more] = linesOf(reply.body);
  assert.deepEqual(more, []);
  assert.match(webhook?.["secret"] ?? "", /^whsec_/);
  const acme = (await api.call("GET", "/v1/partners/acme")).json();
  assert.deepEqual(
    { ...acme, joinedAt: undefined, endpoints: acme.endpoints.map((it: { address: string }) => it.address).sort() },
    {
      partner: "acme",
      name: "Acme, Inc.",
      locale: "fr",
      timeZone: "Europe/Paris",
      holidays: [],
      subscriptions: ["billing", "*"],
      joinedAt: undefined,
      endpoints: ["a@acme.example", "b@acme.example", "https://acme.example/hook"],
    },
  );
  const beta = (await api.call("GET", "/v1/partners/beta")).json();
  assert.deepEqual([beta.timeZone, beta.locale, beta.subscriptions, beta.endpoints], ["UTC", "en", ["*"], []]);
});

test("importing again updates partners, and endpoints keep their id, secret and status", async () => {
  const api = await openApi();
  const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
  const acme = {
    partner: "acme",
    name: "Acme",
    timeZone: "Asia/Tokyo",
    holidays: ["2027-01-01"],
    endpoints: [{ channel: "webhook", address: "https://acme.example/hook", secret }],
  };
  const [first] = linesOf((await importing(api, NDJSON, JSON.stringify(acme))).body);
  assert.equal(first?.["secret"], secret);
  await api.call("PATCH", `/v1/endpoints/${first?.["endpoint"]}`, { body: { status: "disabled" } });

  const again = await importing(
    api,
    NDJSON,
    `${JSON.stringify({
      partner: "acme",
      name: "Acme 2",
      endpoints: [
        { channel: "webhook", address: "https://acme.example/hook", role: "escalation" },
        { channel: "email", address: "a@acme.example" },
      ],
    })}\n\n${JSON.stringify({ partner: "beta", name: "Beta" })}\n`,
  );
  assert.equal(again.statusCode, 200, again.body);
  assert.equal(again.body, "", "no webhook is new");
  assert.equal(again.headers["forewarn-partners"], "2");
  assert.equal(again.headers["forewarn-endpoints"], "1");
  const now = (await api.call("GET", "/v1/partners/acme")).json();
  assert.deepEqual([now.name, now.timeZone, now.holidays], ["Acme 2", "Asia/Tokyo", ["2027-01-01"]]);
  const [webhook] = now.endpoints;
  assert.deepEqual([webhook.endpoint, webhook.status, webhook.role], [first?.["endpoint"], "disabled", "escalation"]);
  const { rows } = await api.ledger.pools.routine.query(
    "SELECT secret_sealed FROM endpoints WHERE channel = 'webhook'",
  );
  assert.equal(api.keyring.open(rows[0].secret_sealed), secret);
});

test("a partner who had left is brought back by an import", async () => {
  const api = await openApi();
  await importing(api, CSV, "partner,name,email\nacme,Acme,a@acme.example\n");
  await api.call("DELETE", "/v1/partners/acme");
  assert.equal((await importing(api, CSV, "partner,name,email\nacme,Acme,a@acme.example\n")).statusCode, 200);
  const acme = (await api.call("GET", "/v1/partners/acme")).json();
  assert.deepEqual([acme.name, acme.subscriptions, acme.endpoints.length], ["Acme", ["*"], 1]);
});

test("one fault keeps everything out, and every fault is answered with its line", async () => {
  const api = await openApi();
  const file = [
    "partner,name,email,webhook,timeZone,locale,subscriptions",
    "fine,Fine,a@fine.example,,,,",
    "no spaces,X,,,,,",
    "zone,X,,,Mars/Olympus,,",
    "mail,X,a@b@c,,,,",
    "hook,X,,https://127.0.0.1.nip.io/ http://10.0.0.1/,,,",
    "locale,X,,,,e_n!,",
    "subs,X,,,,,nosuch",
    "cells,X",
    "fine,Again,,,,,",
  ].join("\n");
  const reply = await importing(api, CSV, file);
  assert.equal(reply.statusCode, 422);
  assert.match(reply.json().detail, /^7 faults in 9 rows; nothing was imported$/);
  assert.deepEqual(
    reply.json().errors.map(({ path, line }: { path: string; line: number }) => [line, path]),
    [
      [3, "line 3: partner"],
      [4, "line 4: timeZone"],
      [5, "line 5: email"],
      [6, "line 6: webhook"],
      [7, "line 7: locale"],
      [8, "line 8: subscriptions"],
      [9, "line 9"],
    ],
  );
  assert.equal(await countPartners(api), 0);

  const twice = await importing(api, CSV, "partner,name\nacme,A\nbeta,B\nacme,C\n");
  assert.equal(twice.statusCode, 422);
  assert.deepEqual(twice.json().errors, [
    { line: 4, path: "line 4: partner", message: "names acme again, after line 2; keep one of them" },
  ]);
  assert.equal(await countPartners(api), 0);
});

test("a hundred faults are listed and the rest is counted", async () => {
  const api = await openApi();
  const reply = await importing(api, NDJSON, `${'{"partner":"a b","name":"X"}\n'.repeat(250)}not json\n`);
  assert.equal(reply.statusCode, 422);
  assert.equal(reply.json().errors.length, 100);
  assert.match(reply.json().detail, /^251 faults in 251 rows, of which the first 100 are listed/);
});

test("columns that are unknown or missing, other types, and files that are no CSV are refused", async () => {
  const api = await openApi();
  const columns = await importing(api, CSV, "partner,nme\nacme,A\n");
  assert.deepEqual(
    columns.json().errors.map(({ line, path }: { line: number; path: string }) => [line, path]),
    [[1, "line 1: nme"]],
  );
  assert.equal((await importing(api, CSV, 'partner,name\nacme,"A\n')).statusCode, 422);
  assert.equal((await importing(api, "application/json", "[]")).statusCode, 415);
  assert.equal((await importing(api, NDJSON, `{"partner":"a","name":"${"x".repeat(70_000)}"}`)).statusCode, 413);
  assert.equal((await importing(api, NDJSON, '{"partner":"a","name":"A","__proto__":{}}')).statusCode, 422);
  assert.equal(await countPartners(api), 0);
});

test("empty cells of a partner who is there stay as they are, and only a new partner needs a name", async () => {
  const api = await openApi();
  const header = "partner,name,email,webhook,timeZone,locale,subscriptions";
  const first = await importing(api, CSV, `${header}\nacme,Acme,a@acme.example,,Europe/Paris,fr,*\nbeta,Beta,,,,,\n`);
  assert.deepEqual([first.headers["forewarn-partners"], first.headers["forewarn-created"]], ["2", "2"]);
  const again = await importing(api, CSV, `${header}\nacme,,new@acme.example,,,,\nnew,New,,,,,\n`);
  assert.equal(again.statusCode, 200, again.body);
  assert.deepEqual([again.headers["forewarn-partners"], again.headers["forewarn-created"]], ["2", "1"]);
  const acme = (await api.call("GET", "/v1/partners/acme")).json();
  assert.deepEqual([acme.name, acme.timeZone, acme.locale, acme.endpoints.length], ["Acme", "Europe/Paris", "fr", 2]);
  assert.equal((await importing(api, CSV, "partner,email\nacme,third@acme.example\n")).statusCode, 200);
  await api.call("DELETE", "/v1/partners/beta");
  const nameless = await importing(api, CSV, `${header}\nacme,,,,,,\nother,,,,,,\nbeta,,,,,,\n`);
  const message = "is missing; a partner that is new needs one";
  assert.deepEqual(
    [nameless.json().detail, nameless.json().errors],
    [
      "2 faults in 3 rows; nothing was imported",
      [
        { line: 3, path: "line 3: name", message },
        { line: 4, path: "line 4: name", message },
      ],
    ],
  );
});

test("a file that is not UTF-8 is refused at its line, and so is one that holds nothing", async () => {
  const api = await openApi();
  const send = (type: string, body: Buffer) => api.call("POST", "/v1/partners/import", { type, body });
  const rows = Array.from({ length: 5_000 }, (_, at) => `p${at},Partenaire é${at}\n`).join("");
  const csv = Buffer.from(`partner,name\n${rows}`);
  const latin = Buffer.from("last,Soci\xe9t\xe9\n", "latin1");
  for (const [type, body, line] of [
    [CSV, Buffer.concat([csv, latin, Buffer.from("more,More\n")]), 5_002],
    [CSV, Buffer.from("partner,name\nacme,caf\xc3", "latin1"), 2],
    [NDJSON, Buffer.from('\n{"partner":"acme","name":"Soci\xe9t\xe9"}\n', "latin1"), 2],
  ] as const) {
    const reply = await send(type, body);
    assert.equal(reply.statusCode, 422);
    assert.deepEqual(reply.json().errors, [
      { line, path: `line ${line}`, message: "holds bytes that are not UTF-8; save the file as UTF-8" },
    ]);
  }
  for (const type of [CSV, NDJSON])
    for (const nothing of ["", "\n\n", "\ufeff"]) {
      const reply = await send(type, Buffer.from(nothing));
      assert.deepEqual([reply.statusCode, reply.json().detail], [422, "the file is empty; nothing was imported"], type);
    }
  assert.equal(await countPartners(api), 0);
  assert.equal((await send(CSV, csv)).statusCode, 200);
  assert.equal((await api.call("GET", "/v1/partners/p4999")).json().name, "Partenaire é4999");
});

test("connections are as before after an import, whatever became of it", async () => {
  const api = await openApi();
  await importing(api, CSV, "partner,name,webhook\nacme,Acme,https://acme.example/\n");
  await importing(api, CSV, "partner,name\na b,Acme\n");
  const { pools } = api.ledger;
  assert.equal(pools.routine.idleCount, pools.routine.totalCount, "every connection is back");
  const { rows } = await pools.routine.query("SELECT count(*) AS tables FROM pg_class WHERE relname LIKE 'import_%'");
  assert.equal(rows[0].tables, 0);
});

test("an upload that stands still for longer than a transaction may be idle is imported when it goes on", async () => {
  const { url, ledger } = await freshLedger();
  const pool = new pg.Pool({ connectionString: url, options: "-c idle_in_transaction_session_timeout=1s" });
  atEnd(() => pool.end());
  const idle = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'
    AND state_change < now() - interval '2 seconds'`;
  async function* upload(): AsyncGenerator<Buffer> {
    yield Buffer.from("partner,name\nacme,Acme\n");
    await until(async () => (await ledger.pools.urgent.query(idle)).rowCount, { what: "the import waits" });
    yield Buffer.from("beta,Beta\n");
  }
  const keyring = makeKeyring("0123456789abcdef0123456789abcdef");
  const { partners, answer } = await importPartners(CSV, Readable.from(upload()), { pool, keyring, allow: [] });
  assert.equal(await text(answer), "");
  assert.equal(partners, 2);
});
