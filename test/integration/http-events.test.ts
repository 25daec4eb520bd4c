import assert from "node:assert/strict";
import { test } from "node:test";
import { PUBLIC_URL } from "../support/api.ts";
import { answer, BATCH, event, openEvents, STRUCTURED } from "../support/events-api.ts";

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
