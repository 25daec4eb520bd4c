import assert from "node:assert/strict";
import { test } from "node:test";
import { insertRefusedEvent } from "../../src/ledger/events.ts";
import { openApi, PUBLIC_URL } from "../support/api.ts";
import { event, openEvents, STRUCTURED } from "../support/events-api.ts";

const REFUSALS: { title: string; body: string | Buffer; type: string; status: number; problem: string }[] = [
  {
    title: "an event above 64 KiB",
    body: JSON.stringify(event("e1", { details: "x".repeat(65_536) })),
    type: STRUCTURED,
    status: 413,
    problem: "too-large",
  },
  {
    title: "a content type of another kind",
    body: "{}",
    type: "text/xml",
    status: 415,
    problem: "unsupported-media-type",
  },
  {
    title: "plain JSON without ce- headers",
    body: "{}",
    type: "application/json",
    status: 415,
    problem: "unsupported-media-type",
  },
  { title: "text that is no JSON", body: "{", type: STRUCTURED, status: 400, problem: "malformed" },
  { title: "an empty body", body: "", type: STRUCTURED, status: 400, problem: "malformed" },
  {
    title: "bytes that are no UTF-8",
    body: Buffer.from([0x22, 0xff, 0x22]),
    type: STRUCTURED,
    status: 400,
    problem: "malformed",
  },
  {
    title: "JSON that is nested too deep",
    body: "[".repeat(5_000) + "]".repeat(5_000),
    type: STRUCTURED,
    status: 400,
    problem: "malformed",
  },
  {
    title: "a key that poisons prototypes",
    body: '{"data":{"__proto__":{"admin":true}}}',
    type: STRUCTURED,
    status: 400,
    problem: "malformed",
  },
  {
    title: "a constructor that poisons prototypes",
    body: '{"constructor":{"prototype":{}}}',
    type: STRUCTURED,
    status: 400,
    problem: "malformed",
  },
  {
    title: "what the flow refuses",
    body: JSON.stringify(event("bad")),
    type: STRUCTURED,
    status: 422,
    problem: "invalid",
  },
];
for (const { title, body, type, status, problem } of REFUSALS)
  test(`${title} is answered with ${status} ${problem}`, async () => {
    const api = await shared;
    const reply = await api.call("POST", "/v1/events", { body, type });
    assert.equal(reply.statusCode, status, reply.body);
    assert.equal(reply.headers["content-type"], "application/problem+json");
    assert.equal(reply.json().type, `${PUBLIC_URL}/problems/${problem}`);
    assert.equal(reply.json().status, status);
  });
const shared = openEvents();

test("a ledger or a queue that cannot be reached is answered with 503 and when to try again, a bug with 500 and no detail", async () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" });
  const restarting = Object.assign(new Error("the database system is starting up"), { code: "57P03" });
  for (const fault of [
    refused,
    restarting,
    new Error("Connection terminated unexpectedly"),
    new Error("Connection is closed."),
  ]) {
    const api = await openApi({ acceptEvent: () => Promise.reject(fault) });
    const reply = await api.call("POST", "/v1/events", { body: event("e1"), type: STRUCTURED });
    assert.equal(reply.statusCode, 503, fault.message);
    assert.equal(reply.json().type, `${PUBLIC_URL}/problems/unavailable`);
    assert.ok(Number(reply.headers["retry-after"]) > 0);
  }
  const api = await openApi({ acceptEvent: () => Promise.reject(new TypeError("secret internals")) });
  const reply = await api.call("POST", "/v1/events", { body: event("e1"), type: STRUCTURED });
  assert.equal(reply.statusCode, 500);
  assert.equal(reply.headers["content-type"], "application/problem+json");
  assert.ok(!reply.body.includes("secret internals"));
});

test("without PostgreSQL every call is answered with 503, and healthz still with 200", async () => {
  const api = await openApi();
  await api.ledger.close();
  const reply = await api.call("GET", "/v1/changes");
  assert.equal(reply.statusCode, 503);
  assert.equal(reply.json().type, `${PUBLIC_URL}/problems/unavailable`);
  assert.equal((await api.call("GET", "/healthz", { key: null })).statusCode, 200);
  const metrics = await api.call("GET", "/metrics", { key: null });
  assert.match(metrics.body, /^forewarn_ledger_up 0$/m);
});

test("refused events of the queue are listed newest first with the reason, page by page", async () => {
  const api = await openEvents();
  for (const id of ["e1", "e2", "e3"])
    await insertRefusedEvent(api.ledger.pools.routine, {
      envelope: event(id),
      bodyHash: Buffer.alloc(32),
      refusal: {
        problem: "invalid",
        detail: "the event is refused",
        errors: [{ path: "service", message: "is unknown" }],
      },
    });
  const first = (await api.call("GET", "/v1/events?status=refused&limit=2", { key: api.keys.read })).json();
  assert.deepEqual(
    first.items.map(({ id }: { id: string }) => id),
    ["e3", "e2"],
  );
  assert.deepEqual(first.items[0].refusal.errors, [{ path: "service", message: "is unknown" }]);
  const second = (await api.call("GET", `/v1/events?status=refused&limit=2&cursor=${first.next}`)).json();
  assert.deepEqual(
    second.items.map(({ id }: { id: string }) => id),
    ["e1"],
  );
  assert.equal(second.next, null);
  assert.deepEqual((await api.call("GET", "/v1/events?status=accepted")).json().items, []);
});
