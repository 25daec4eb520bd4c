import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../src/http/limits.ts";
import { SCOPES, type Scope } from "../../src/ledger/keys.ts";
import { makeKey, openApi } from "../support/api.ts";
import { freshLedger } from "../support/servers.ts";
import { until } from "../support/until.ts";

/** Every route that is not public, with the scope that it must ask for. */
const ROUTES: Record<string, Scope> = {
  "POST /v1/events": "emit",
  "GET /v1/events": "read",
  "GET /v1/changes": "read",
  "GET /v1/changes/:change": "read",
  "GET /v1/changes/:change/notices": "read",
  "GET /v1/changes/:change/deliveries": "read",
  "POST /v1/changes/:change/pause": "admin",
  "POST /v1/changes/:change/resume": "admin",
  "GET /v1/pause": "read",
  "POST /v1/pause": "admin",
  "POST /v1/resume": "admin",
  "GET /v1/deliveries/:delivery": "read",
  "GET /v1/services": "read",
  "POST /v1/services": "admin",
  "PUT /v1/services/:service": "admin",
  "DELETE /v1/services/:service": "admin",
  "GET /v1/partners": "read",
  "POST /v1/partners": "admin",
  "POST /v1/partners/import": "admin",
  "GET /v1/partners/:partner": "read",
  "PATCH /v1/partners/:partner": "admin",
  "DELETE /v1/partners/:partner": "admin",
  "GET /v1/partners/:partner/links": "admin",
  "POST /v1/partners/:partner/links/revoke": "admin",
  "GET /v1/partners/:partner/endpoints": "read",
  "POST /v1/partners/:partner/endpoints": "admin",
  "PATCH /v1/endpoints/:endpoint": "admin",
  "DELETE /v1/endpoints/:endpoint": "admin",
  "POST /v1/endpoints/:endpoint/rotate": "admin",
  "POST /v1/endpoints/:endpoint/test": "admin",
  "POST /v1/endpoints/:endpoint/enable": "admin",
  "POST /v1/endpoints/:endpoint/replay": "admin",
  "POST /v1/deliveries/:delivery/replay": "admin",
  "POST /v1/drill": "admin",
  "GET /v1/changes/:change/proof": "read",
  "GET /v1/changes/:change/proof.csv": "read",
  "GET /v1/changes/:change/proof.html": "read",
  "GET /v1/changes/:change/acknowledgements": "read",
  "POST /v1/changes/:change/acknowledgements": "admin",
  "GET /v1/changes/:change/waivers": "read",
  "POST /v1/changes/:change/waivers": "admin",
  "GET /v1/seals": "read",
  "GET /v1/seals/verify": "admin",
  "POST /v1/bounces": "emit",
  "GET /v1/keys": "admin",
  "POST /v1/keys": "admin",
  "DELETE /v1/keys/:key": "admin",
};

/** Public for a reason each: probes, metrics, documentation, and pages behind their own token. */
const PUBLIC = [
  "GET /healthz",
  "GET /readyz",
  "GET /metrics",
  "GET /openapi.json",
  "GET /problems/:name",
  "GET /p/:token",
  "POST /p/:token/acknowledgements",
  "POST /p/:token/endpoints/:endpoint/test",
  "POST /p/:token/endpoints/:endpoint/enable",
  "POST /p/:token/endpoints/:endpoint/rotate",
  "POST /p/:token/endpoints/:endpoint/address",
  "POST /p/:token/deliveries/:delivery/resend",
  "POST /p/:token/preferences",
  "GET /p/:token/preferences",
  "GET /p/:token/revoke",
  "GET /p/:token/endpoints/:endpoint/:action",
  "GET /p/:token/deliveries/:delivery/resend",
  "POST /p/:token/revoke",
  "GET /p/:token/unsubscribe",
  "POST /p/:token/unsubscribe",
  "POST /p/:token/resubscribe",
  "GET /p/:token/calendar.ics",
  "GET /calendar.ics",
  "GET /",
  "GET /changelog",
  "GET /changelog/:change",
  "GET /changelog.atom",
  "GET /changelog.json",
];

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

test("every route declares its scope, and lets in the keys that hold it and no others", async () => {
  const api = await openApi();
  const declared = api.routes
    .filter(({ url }) => !url.startsWith("/docs"))
    .filter(({ method }) => method !== "HEAD")
    .map(({ method, url, access }) => [`${method} ${url}`, access] as const);
  const wanted = [...Object.entries(ROUTES), ...PUBLIC.map((route) => [route, "public"])];
  assert.deepEqual(Object.fromEntries(declared), Object.fromEntries(wanted));
  for (const { access } of api.routes) assert.ok(access, "a route declares no access");

  for (const [route, scope] of Object.entries(ROUTES)) {
    const [method, pattern] = route.split(" ") as [Method, string];
    const url = pattern.replace(/:\w+/g, "absent");
    const nobody = await api.call(method, url, { key: null });
    assert.equal(nobody.statusCode, 401, `${route} without a key`);
    assert.equal(nobody.headers["www-authenticate"], 'Bearer realm="forewarn"');
    for (const held of SCOPES) {
      const { statusCode } = await api.call(method, url, { key: api.keys[held] });
      const passes = held === scope || held === "admin";
      assert.equal(statusCode !== 403, passes, `${route} with ${held}: ${statusCode}`);
      assert.notEqual(statusCode, 401, `${route} with ${held}`);
    }
  }
});

test("a wrong, a cut and a revoked key are refused alike", async () => {
  const api = await openApi();
  const created = await api.call("POST", "/v1/keys", { body: { name: "billing", scopes: ["read", "read"] } });
  assert.equal(created.statusCode, 201);
  const { key, secret, scopes } = created.json();
  assert.match(secret, /^fw_[0-9a-f]{12}_[\w-]{43}$/);
  assert.deepEqual(scopes, ["read"]);
  assert.equal((await api.call("GET", "/v1/changes", { key: secret })).statusCode, 200);
  const listed = await api.call("GET", "/v1/keys");
  assert.ok(!listed.body.includes(secret.slice(16)), "the list shows no key");
  const { rows } = await api.ledger.pools.routine.query("SELECT * FROM keys");
  assert.ok(!JSON.stringify(rows).includes(secret), "the ledger holds no key");

  assert.equal((await api.call("DELETE", `/v1/keys/${key}`)).statusCode, 204);
  for (const wrong of [secret, secret.slice(0, -1), `fw_${key}_x`, "x"]) {
    const answer = await api.call("GET", "/v1/changes", { key: wrong });
    assert.equal(answer.statusCode, 401);
    assert.match(answer.json().detail, /not known, or was revoked/);
  }
  const scheme = await api.call("GET", "/v1/changes", { key: null, headers: { authorization: "Basic eDp5" } });
  assert.equal(scheme.statusCode, 401);
});

test("a revoked key is refused at once, but for events by another API, which may take a second", async () => {
  const { ledger } = await freshLedger();
  const [api, other] = [await openApi({ ledger }), await openApi({ ledger })];
  const { key, secret } = (
    await api.call("POST", "/v1/keys", { body: { name: "billing", scopes: ["emit", "read"] } })
  ).json();
  const isKnown = async (code: Promise<{ statusCode: number }>): Promise<boolean> => (await code).statusCode !== 401;
  const reads = (asked: typeof api) => isKnown(asked.call("GET", "/v1/changes", { key: secret }));
  const emits = (asked: typeof api) => isKnown(asked.call("POST", "/v1/events", { key: secret, body: {} }));
  assert.deepEqual([await reads(other), await emits(api), await emits(other)], [true, true, true]);
  assert.equal((await api.call("DELETE", `/v1/keys/${key}`)).statusCode, 204);
  const revokedAt = performance.now();
  assert.deepEqual([await reads(api), await emits(api), await reads(other)], [false, false, false]);
  // Asked all the time, which must not prolong what it remembers.
  await until(async () => !(await emits(other)), { deadlineMs: 2_000, what: "the other API refuses the key" });
  const tookMs = performance.now() - revokedAt;
  assert.ok(tookMs < 1_500, `it took ${tookMs} ms`);
});

test("the last admin key cannot be revoked", async () => {
  const api = await openApi();
  const { items } = (await api.call("GET", "/v1/keys")).json();
  const admin = items.find((row: { scopes: string[] }) => row.scopes.includes("admin"));
  const refused = await api.call("DELETE", `/v1/keys/${admin.key}`);
  assert.equal(refused.statusCode, 409);
  await makeKey(api.ledger, ["admin"]);
  assert.equal((await api.call("DELETE", `/v1/keys/${admin.key}`)).statusCode, 204);
});

test("too many wrong keys from one address shut out guesses, and not the keys that worked before", async () => {
  const api = await openApi({ limits: { failedAuth: { max: 3, windowMs: 60_000 } } });
  assert.equal((await api.call("GET", "/v1/changes", { key: api.keys.read })).statusCode, 200);
  const statuses: number[] = [];
  for (let guess = 0; guess < 6; guess += 1)
    statuses.push((await api.call("GET", "/v1/changes", { key: `guess-${guess}` })).statusCode);
  assert.deepEqual(statuses, [401, 401, 401, 429, 429, 429]);
  const refused = await api.call("GET", "/v1/changes", { key: "guess" });
  assert.equal(refused.json().type, "https://notices.example.com/problems/rate-limited");
  assert.ok(Number(refused.headers["retry-after"]) > 0 && Number(refused.headers["retry-after"]) <= 60);
  assert.equal((await api.call("GET", "/v1/changes", { key: api.keys.admin })).statusCode, 429, "a guess may be right");
  assert.equal((await api.call("GET", "/v1/changes", { key: api.keys.read })).statusCode, 200);
});

test("a browser asks a person for a key and sends it as a password, which reads and does nothing else", async () => {
  const api = await openApi();
  const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`me:${key}`).toString("base64")}` });
  const ask = (method: Method, url: string, headers: Record<string, string>) =>
    api.call(method, url, { key: null, headers });
  const page = "/v1/changes/NONE/proof.html";
  const asked = await ask("GET", page, { accept: "text/html,*/*" });
  assert.equal(asked.statusCode, 401);
  assert.match(String(asked.headers["www-authenticate"]), /^Bearer realm="forewarn", ?Basic /);
  assert.equal((await ask("GET", page, { accept: "*/*" })).headers["www-authenticate"], 'Bearer realm="forewarn"');
  assert.equal((await ask("GET", page, basic(api.keys.read))).statusCode, 404, "past the door");
  assert.equal((await ask("GET", page, basic("guess"))).statusCode, 401);
  assert.equal((await ask("GET", "/v1/keys", basic(api.keys.read))).statusCode, 403, "its scopes are its own");
  assert.equal(
    (await ask("POST", "/v1/pause", basic(api.keys.admin))).statusCode,
    401,
    "other sites' pages can send it",
  );
});

test("a key that asks too often is told to wait, and others are not", async () => {
  const api = await openApi({ limits: { read: { max: 2, windowMs: 60_000 } } });
  const other = await makeKey(api.ledger, ["read"]);
  const ask = async (key: string) => (await api.call("GET", "/v1/changes", { key })).statusCode;
  assert.deepEqual([await ask(api.keys.read), await ask(api.keys.read), await ask(api.keys.read)], [200, 200, 429]);
  assert.equal(await ask(other), 200);
  assert.ok(LIMITS.emit.max / (LIMITS.emit.windowMs / 1000) >= 1_000, "the default lets 1,000 events a second in");
});
