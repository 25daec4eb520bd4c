import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../src/errors.ts";
import type { EventAnswer } from "../../src/flow/decide-event.ts";
import { insertRefusedEvent } from "../../src/ledger/events.ts";
import { openApi, PUBLIC_URL } from "../support/api.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

const event = (id: string, more: object = {}) => ({
  specversion: "1.0",
  id,
  source: "/billing",
  type: "forewarn.change.created",
  data: { change: "CHG-1", category: "normal", service: "api", title: "T", ...more },
});

const answer = (change: string): EventAnswer => ({
  change,
  revision: 1,
  status: "announced",
  verdict: {
    status: "met",
    minimum: "P1M",
    noticeDays: 40,
    noticeMonths: 1,
    shortByDays: 0,
    earliestRelease: "2027-01-01",
  },
  notices: [
    {
      id: `${change}.r1.announcement`,
      kind: "announcement",
      offset: null,
      dueAt: "2026-11-22T09:00:00.000Z",
      status: "planned",
    },
  ],
});

/** An API whose flow remembers what it was given: ids starting with `bad` are refused, `again` are duplicates. */
const openEvents = async () => {
  const accepted: unknown[] = [];
  const previewed: { envelope: unknown; at: string | null }[] = [];
  const api = await openApi({
    acceptEvent: async (envelope) => {
      accepted.push(envelope);
      const { id } = envelope as { id: string };
      if (id.startsWith("bad"))
        return {
          kind: "refused",
          problem: new Problem("invalid", "the event is refused", [{ path: "category", message: "is not a category" }]),
        };
      return { kind: "accepted", answer: answer("CHG-1"), duplicate: id.startsWith("again") };
    },
    previewEvent: async (envelope, at) => {
      previewed.push({ envelope, at });
      return {
        kind: "planned",
        answer: { ...answer("CHG-1"), recipients: { partners: 3, email: 2, webhook: 1, unreachable: 0 } },
      };
    },
  });
  return { ...api, accepted, previewed };
};

test("a structured event is accepted with 202 and the plan", async () => {
  const api = await openEvents();
  const reply = await api.call("POST", "/v1/events", {
    body: event("e1"),
    type: `${STRUCTURED}; charset=utf-8`,
    key: api.keys.emit,
  });
  assert.equal(reply.statusCode, 202);
  assert.deepEqual(reply.json(), answer("CHG-1"));
  assert.equal(reply.headers["forewarn-duplicate"], undefined);
  assert.deepEqual(api.accepted, [event("e1")]);
});

test("an event that came before is answered as it was, with a header that says so", async () => {
  const api = await openEvents();
  const reply = await api.call("POST", "/v1/events", { body: event("again"), type: STRUCTURED });
  assert.equal(reply.statusCode, 202);
  assert.equal(reply.headers["forewarn-duplicate"], "true");
  assert.deepEqual(reply.json(), answer("CHG-1"));
});

test("binary mode reads attributes from percent-encoded headers and the data from the body", async () => {
  const api = await openEvents();
  const { data } = event("e1");
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": "e1",
    "ce-source": "/billing%20%E2%82%AC",
    "ce-type": "forewarn.change.created",
    "ce-time": "2026-11-22T09:00:00Z",
  };
  const reply = await api.call("POST", "/v1/events", { body: data, headers });
  assert.equal(reply.statusCode, 202);
  assert.deepEqual(api.accepted, [
    {
      specversion: "1.0",
      id: "e1",
      source: "/billing €",
      type: "forewarn.change.created",
      time: "2026-11-22T09:00:00Z",
      datacontenttype: "application/json",
      data,
    },
  ]);
  const garbled = await api.call("POST", "/v1/events", { body: data, headers: { ...headers, "ce-source": "%E2%82" } });
  assert.equal(garbled.statusCode, 400);
  assert.equal(garbled.json().detail, "the header ce-source is not percent-encoded UTF-8");
});

test("in binary mode the attributes count towards the 64 KiB of an event", async () => {
  const api = await openEvents();
  const binary = (extension: string) =>
    api.call("POST", "/v1/events", {
      body: { change: "CHG-1", title: "T", details: "x".repeat(60 * 1024) },
      headers: {
        "ce-specversion": "1.0",
        "ce-id": "b1",
        "ce-source": "/billing",
        "ce-type": "forewarn.change.created",
        "ce-note": extension,
      },
    });
  assert.equal((await binary("short")).statusCode, 202);
  const reply = await binary("x".repeat(6 * 1024));
  assert.deepEqual([reply.statusCode, reply.json<{ type: string }>().type], [413, `${PUBLIC_URL}/problems/too-large`]);
  assert.equal(api.accepted.length, 1);
});

test("a batch is answered in order, each event with its own outcome, and 207 when some were refused", async () => {
  const api = await openEvents();
  const whole = await api.call("POST", "/v1/events", { body: [event("e1"), event("again")], type: BATCH });
  assert.equal(whole.statusCode, 202);
  assert.deepEqual(whole.json(), [answer("CHG-1"), answer("CHG-1")]);

  const huge = event("e4", { details: "x".repeat(65_536) });
  const mixed = await api.call("POST", "/v1/events", {
    body: [event("e1"), event("bad"), huge, event("e3")],
    type: BATCH,
  });
  assert.equal(mixed.statusCode, 207);
  const list = mixed.json();
  assert.deepEqual(
    list.map(({ status }: { status: unknown }) => status),
    ["announced", 422, 413, "announced"],
  );
  assert.equal(list[1].type, `${PUBLIC_URL}/problems/invalid`);
  assert.deepEqual(list[1].errors, [{ path: "category", message: "is not a category" }]);

  const tooMany = await api.call("POST", "/v1/events", {
    body: Array.from({ length: 101 }, (_, at) => event(`e${at}`)),
    type: BATCH,
  });
  assert.equal(tooMany.statusCode, 413);
  const none = await api.call("POST", "/v1/events", { body: event("e1"), type: BATCH });
  assert.equal(none.statusCode, 400);
});

test("a batch of 100 events of 64 KiB each is read", async () => {
  const api = await openEvents();
  const one = event("e1");
  const room = 65_536 - Buffer.byteLength(JSON.stringify({ ...one, data: { ...one.data, details: "" } }));
  const full = event("e1", { details: "x".repeat(room) });
  assert.equal(Buffer.byteLength(JSON.stringify(full)), 65_536);
  const reply = await api.call("POST", "/v1/events", { body: Array.from({ length: 100 }, () => full), type: BATCH });
  assert.equal(reply.statusCode, 202);
  assert.equal(reply.json().length, 100);
});

test("a dry run answers 200 with the recipients, as of the time asked for, and accepts nothing", async () => {
  const api = await openEvents();
  const at = "2026-10-28T09:00:00+01:00";
  const reply = await api.call("POST", `/v1/events?dryRun=true&at=${encodeURIComponent(at)}`, {
    body: event("e1"),
    type: STRUCTURED,
  });
  assert.equal(reply.statusCode, 200);
  assert.deepEqual(reply.json().recipients, { partners: 3, email: 2, webhook: 1, unreachable: 0 });
  assert.deepEqual(api.previewed, [{ envelope: event("e1"), at }]);
  assert.deepEqual(api.accepted, []);
  const batch = await api.call("POST", "/v1/events?dryRun=true", { body: [event("e1")], type: BATCH });
  assert.equal(batch.statusCode, 200);
  for (const [query, path] of [
    ["at=2026-10-28T09:00:00Z", "at"],
    ["dryRun=true&at=2026-10-28", "at"],
    ["dryRun=yes", "dryRun"],
    ["dry=true", "dry"],
  ] as const) {
    const refused = await api.call("POST", `/v1/events?${query}`, { body: event("e1"), type: STRUCTURED });
    assert.equal(refused.statusCode, 422, query);
    assert.equal(refused.json().errors[0].path, path);
  }
  assert.deepEqual(api.accepted, []);
});

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
