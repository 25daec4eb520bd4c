import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLog } from "../../src/log.ts";
import { openApi, PUBLIC_URL } from "../support/api.ts";

test("services are added, replaced and removed, but not while they are in use", async () => {
  const api = await openApi();
  const body = { service: "billing", title: "Billing", businessCritical: true };
  assert.deepEqual((await api.call("POST", "/v1/services", { body })).json(), body);
  assert.equal((await api.call("POST", "/v1/services", { body })).statusCode, 409);
  assert.equal((await api.call("PUT", "/v1/services/billing", { body: { title: "Bills" } })).statusCode, 200);
  assert.equal((await api.call("PUT", "/v1/services/login", { body: { title: "Login" } })).statusCode, 201);
  assert.equal((await api.call("PUT", "/v1/services/login", { body: { service: "x", title: "X" } })).statusCode, 422);
  const acme = { partner: "acme", name: "Acme", locale: "en", timeZone: "UTC", subscriptions: ["billing"] };
  assert.equal((await api.call("POST", "/v1/partners", { body: acme })).statusCode, 201);
  const used = await api.call("DELETE", "/v1/services/billing");
  assert.deepEqual(
    [used.statusCode, used.json().detail],
    [
      409,
      "billing is in use: 0 changes and 1 partner name it; take it out of their subscriptions first, at PATCH /v1/partners/{partner}",
    ],
  );
  assert.equal((await api.call("DELETE", "/v1/services/login")).statusCode, 204);
  assert.equal((await api.call("DELETE", "/v1/services/login")).statusCode, 404);
});

test("lists are read page by page to the end, and refuse foreign cursors and limits", async () => {
  const api = await openApi();
  for (const service of ["a", "b", "c", "d", "e"])
    await api.call("POST", "/v1/services", { body: { service, title: service } });
  const seen: string[] = [];
  let cursor = "";
  do {
    const page = (await api.call("GET", `/v1/services?limit=2${cursor && `&cursor=${cursor}`}`)).json();
    assert.ok(page.items.length <= 2);
    seen.push(...page.items.map((it: { service: string }) => it.service));
    cursor = page.next ?? "";
  } while (cursor);
  assert.deepEqual(seen, ["a", "b", "c", "d", "e"]);
  for (const query of [
    "limit=0",
    "limit=201",
    "limit=x",
    "cursor=x",
    `cursor=${Buffer.from("[1]").toString("base64url")}`,
  ])
    assert.equal((await api.call("GET", `/v1/services?${query}`)).statusCode, 422, query);
});

test("all sending can be held and resumed, and pausing again keeps the first time", async () => {
  const api = await openApi();
  const first = (await api.call("POST", "/v1/pause")).json();
  assert.equal(first.paused, true);
  assert.deepEqual((await api.call("POST", "/v1/pause")).json(), first);
  assert.deepEqual((await api.call("GET", "/v1/pause")).json(), { ...first, waiting: 0, changes: [] });
  assert.deepEqual((await api.call("POST", "/v1/resume")).json(), { paused: false, pausedAt: null });
  assert.equal((await api.call("POST", "/v1/changes/nosuch/pause")).statusCode, 404);
  assert.equal((await api.call("POST", "/v1/changes/nosuch/resume")).statusCode, 404);
});

test("a pause shows in readyz, in the metrics and in the log, and its end does too", async () => {
  const lines: { level: number; msg: string }[] = [];
  const log = makeLog("info", { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) });
  const api = await openApi({ log });
  const gauges = async (): Promise<string[]> =>
    (await api.call("GET", "/metrics", { key: null })).body
      .split("\n")
      .filter((line) => line.startsWith("forewarn_paused"));
  const ready = async () => (await api.call("GET", "/readyz", { key: null })).json();
  const { pausedAt } = (await api.call("POST", "/v1/pause")).json();
  const paused = await ready();
  assert.deepEqual([paused.status, paused.pausedAt], ["ready", pausedAt], "a wish of somebody's is no fault of a part");
  assert.deepEqual(await gauges(), ["forewarn_paused 1", "forewarn_paused_changes 0"]);
  await api.call("POST", "/v1/resume");
  assert.ok(!("pausedAt" in (await ready())));
  assert.deepEqual(await gauges(), ["forewarn_paused 0", "forewarn_paused_changes 0"]);
  assert.deepEqual(
    lines.filter(({ msg }) => /sending/.test(msg)).map(({ level, msg }) => [level, msg]),
    [
      [40, "all sending is paused, emergencies too"],
      [30, "sending goes on"],
    ],
  );
});

test("an address that unsubscribes is told of by its endpoint's id, as a warning when its partner has no other", async () => {
  const lines: { level: number; msg: string; endpoint?: string }[] = [];
  const log = makeLog("info", { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) });
  const api = await openApi({ log });
  const endpoints = [
    { channel: "email", address: "one@acme.example" },
    { channel: "email", address: "two@acme.example" },
  ];
  const acme = { partner: "acme", name: "Acme", endpoints };
  const made = (await api.call("POST", "/v1/partners", { body: acme })).json<{ endpoints: { endpoint: string }[] }>();
  const ids = made.endpoints.map(({ endpoint }) => endpoint);
  for (const id of ids) {
    const token = api.keyring.unsubscribeToken(Number(id.replace("ep_", "")));
    const type = "application/x-www-form-urlencoded";
    const body = "List-Unsubscribe=One-Click";
    assert.equal((await api.call("POST", `/p/${token}/unsubscribe`, { key: null, type, body })).statusCode, 200);
  }
  assert.deepEqual(
    lines.filter(({ msg }) => msg.startsWith("a mail address")).map(({ level, endpoint }) => [level, endpoint]),
    [
      [30, ids[0]],
      [40, ids[1]],
    ],
  );
});

test("the address that a start prints leads to the public record", async () => {
  const api = await openApi();
  const reply = await api.call("GET", "/", { key: null });
  assert.deepEqual([reply.statusCode, reply.headers["location"]], [302, "/changelog"]);
});

test("readyz is degraded without a relay and unavailable without PostgreSQL only", async () => {
  const fine = () => Promise.resolve("ok");
  const checks = { postgres: fine, redis: fine, smtp: fine, queue: fine };
  const ask = async (replaced: object) => {
    const api = await openApi({ checks: { ...checks, ...replaced } });
    const reply = await api.call("GET", "/readyz", { key: null });
    return [reply.statusCode, reply.json()];
  };
  const parts = { postgres: "ok", redis: "ok", smtp: "ok", queue: "ok" };
  assert.deepEqual(await ask({}), [200, { status: "ready", parts }]);
  const down = () => Promise.reject(new Error("connect ECONNREFUSED"));
  const lost = "connect ECONNREFUSED";
  assert.deepEqual(await ask({ redis: down, smtp: () => Promise.resolve("SMTP_URL is not set") }), [
    200,
    { status: "degraded", parts: { ...parts, redis: lost, smtp: "SMTP_URL is not set" } },
  ]);
  assert.deepEqual(await ask({ postgres: down }), [
    503,
    { status: "unavailable", parts: { ...parts, postgres: lost } },
  ]);
});

test("what nobody serves is a problem too, and each problem has a page for people", async () => {
  const api = await openApi();
  for (const [method, url] of [
    ["GET", "/nothing"],
    ["DELETE", "/v1/changes"],
    ["GET", "/problems/nosuch"],
    ["GET", "/v1/changes/a%00b"],
  ] as const) {
    const reply = await api.call(method, url);
    assert.ok([404, 422].includes(reply.statusCode), `${url}: ${reply.statusCode}`);
    assert.equal(reply.headers["content-type"], "application/problem+json");
  }
  const large = await api.call("POST", "/v1/services", { body: { service: "a", title: "x".repeat(300_000) } });
  assert.equal(large.json().type, `${PUBLIC_URL}/problems/too-large`);
  const page = await api.call("GET", "/problems/rate-limited", { key: null });
  assert.equal(page.statusCode, 200);
  assert.match(page.body, /429[\s\S]*Too many requests/);
});

test("a body too large names the limit, one of another content type that type and those to send", async () => {
  const api = await openApi();
  const detail = async (url: string, body: string | Buffer, type: string) =>
    (await api.call("POST", url, { body, type })).json<{ detail: string }>().detail;
  const large = "x".repeat(1024 * 1024 + 1);
  for (const [url, type, limit] of [
    ["/v1/services", "application/json", /256 KiB/],
    ["/v1/events", "application/cloudevents+json", /64 KiB an event, 100 events a batch/],
    ["/v1/bounces", "message/rfc822", /1 MiB/],
  ] as const)
    assert.match(await detail(url, large, type), limit);
  for (const [url, types] of [
    ["/v1/services", "application/json"],
    ["/v1/events", "application/json or application/cloudevents+json or application/cloudevents-batch+json"],
    ["/v1/bounces", "message/rfc822"],
    ["/v1/partners/import", "text/csv or application/x-ndjson"],
  ] as const)
    assert.equal(await detail(url, "<a/>", "text/xml"), `this call does not read text/xml; send ${types}`);
});
