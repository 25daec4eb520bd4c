import assert from "node:assert/strict";
import { test } from "node:test";
import { openApi, PUBLIC_URL, type TestApi } from "../support/api.ts";

const add = (api: TestApi, body: object) => api.call("POST", "/v1/partners", { body });
const acme = {
  partner: "acme",
  name: "Acme",
  locale: "fr-CA",
  timeZone: "America/Toronto",
  holidays: ["2027-07-01"],
  subscriptions: ["*"],
  endpoints: [
    { channel: "email", address: "api@acme.example" },
    { channel: "webhook", address: "https://acme.example/hook" },
  ],
};

test("every fault of a partner is answered at once: of its form, its subscriptions and its addresses", async () => {
  const api = await openApi();
  const reply = await add(api, {
    partner: "no id",
    subscriptions: ["*", "nope"],
    endpoints: [
      { channel: "email", address: "nobody" },
      { channel: "fax" },
      { channel: "webhook", address: "ftp://x.example" },
    ],
  });
  assert.equal(reply.statusCode, 422);
  const faults = Object.fromEntries(
    reply.json<{ errors: { path: string; message: string }[] }>().errors.map(({ path, message }) => [path, message]),
  );
  assert.deepEqual(Object.keys(faults).toSorted(), [
    "endpoints[0].address",
    "endpoints[1].address",
    "endpoints[1].channel",
    "endpoints[2].address",
    "name",
    "partner",
    "subscriptions",
  ]);
  assert.match(faults["subscriptions"] ?? "", /^names nope, which is no service; add it first/);
  for (const body of [[], {}, "7"]) assert.equal((await api.call("POST", "/v1/partners", { body })).statusCode, 422);
  assert.equal((await api.call("POST", "/v1/partners")).statusCode, 422);
  const { rowCount } = await api.ledger.pools.routine.query("SELECT FROM partners");
  assert.equal(rowCount, 0);
});

test("a partner is answered as it was created, and a webhook's secret only then", async () => {
  const api = await openApi();
  const created = await add(api, acme);
  assert.equal(created.statusCode, 201, created.body);
  const [mail, hook] = created.json().endpoints;
  assert.deepEqual([mail.channel, mail.role, mail.status, mail.secret], ["email", "primary", "active", undefined]);
  assert.match(hook.secret, /^whsec_/);
  const read = await api.call("GET", "/v1/partners/acme", { key: api.keys.read });
  const shown: object = read.json();
  assert.deepEqual(
    { ...shown, joinedAt: "" },
    {
      ...acme,
      joinedAt: "",
      endpoints: created.json().endpoints.map(({ secret: _secret, ...rest }: { secret?: string }) => rest),
    },
  );
  assert.ok(!read.body.includes(hook.secret));
  const { rows } = await api.ledger.pools.routine.query(
    "SELECT secret_sealed FROM endpoints WHERE channel = 'webhook'",
  );
  assert.ok(!rows[0].secret_sealed.includes(hook.secret), "the ledger holds it sealed");
  assert.equal(api.keyring.open(rows[0].secret_sealed), hook.secret);
  assert.equal((await add(api, acme)).statusCode, 409);
});

const endpoint = (channel: string, address: unknown, more: object = {}) => ({
  ...acme,
  endpoints: [{ channel, address, ...more }],
});
const INVALID: [string, object, string][] = [
  ["an id with a space", { ...acme, partner: "a b" }, "partner"],
  ["a name with a line break", { ...acme, name: "A\r\nBcc: x@evil.example" }, "name"],
  ["an unknown zone", { ...acme, timeZone: "Mars/Olympus" }, "timeZone"],
  ["an offset as a zone", { ...acme, timeZone: "+01:00" }, "timeZone"],
  ["a locale that is none", { ...acme, locale: "not a locale" }, "locale"],
  ["a holiday that is no day", { ...acme, holidays: ["2027-02-30"] }, "holidays[0]"],
  ["a service that does not exist", { ...acme, subscriptions: ["nosuch"] }, "subscriptions"],
  ["a field that nobody knows", { ...acme, timezone: "UTC" }, "timezone"],
  ["an address with a line break", endpoint("email", "a@b.example\r\nBcc: x@evil.example"), "endpoints[0].address"],
  ["two addresses in one", endpoint("email", "a@b.example, c@d.example"), "endpoints[0].address"],
  ["a name before the address", endpoint("email", "Eve <eve@b.example>"), "endpoints[0].address"],
  ["a webhook in a private network", endpoint("webhook", "https://10.1.2.3/"), "endpoints[0].address"],
  ["a webhook over http", endpoint("webhook", "http://93.184.216.34/"), "endpoints[0].address"],
  ["a webhook that is no address", endpoint("webhook", "javascript:alert(1)"), "endpoints[0].address"],
  [
    "a secret that is too short",
    endpoint("webhook", "https://a.example/", { secret: "whsec_AAAA" }),
    "endpoints[0].secret",
  ],
  ["a secret for a mail address", endpoint("email", "a@b.example", { secret: "whsec_AAAA" }), "endpoints[0].secret"],
  ["an unknown channel", endpoint("fax", "1"), "endpoints[0].channel"],
];
test("each wrong field of a partner is named with its remedy, and nothing is stored", async (t) => {
  const api = await openApi();
  for (const [title, body, path] of INVALID)
    await t.test(title, async () => {
      const reply = await add(api, body);
      assert.equal(reply.statusCode, 422, reply.body);
      const { type, errors } = reply.json();
      assert.equal(type, `${PUBLIC_URL}/problems/invalid`);
      assert.deepEqual(
        errors.map((fault: { path: string }) => fault.path),
        [path],
      );
      assert.match(errors[0].message, /;|did you mean|example/);
    });
  const twice = { ...acme, endpoints: [acme.endpoints[0], acme.endpoints[0]] };
  assert.equal((await add(api, twice)).json().errors[0].path, "endpoints[1]");
  assert.deepEqual((await api.call("GET", "/v1/partners")).json().items, []);
});

test("deleting a partner erases name, addresses and secrets and keeps the rows", async () => {
  const api = await openApi();
  const [mail] = (await add(api, acme)).json().endpoints;
  assert.equal((await api.call("DELETE", "/v1/partners/acme")).statusCode, 204);
  for (const url of ["/v1/partners/acme", "/v1/partners/acme/endpoints"])
    assert.equal((await api.call("GET", url)).statusCode, 404);
  assert.equal((await api.call("DELETE", "/v1/partners/acme")).statusCode, 404);
  assert.equal(
    (await api.call("PATCH", `/v1/endpoints/${mail.endpoint}`, { body: { role: "escalation" } })).statusCode,
    404,
  );
  const { rows } = await api.ledger.pools.routine.query(
    `SELECT p.partner, p.name, p.left_at IS NOT NULL AS "hasLeft", e.address, e.secret_sealed AS secret, e.deleted_at IS NOT NULL AS deleted
     FROM partners p JOIN endpoints e USING (partner)`,
  );
  const erased = { partner: "acme", name: "", hasLeft: true, address: "", secret: null, deleted: true };
  assert.deepEqual(rows, [erased, erased]);
  assert.equal((await add(api, acme)).statusCode, 201, "who left can come back");
});

test("a partner's own fields can be changed one by one", async () => {
  const api = await openApi();
  await add(api, acme);
  const reply = await api.call("PATCH", "/v1/partners/acme", { body: { timeZone: "Europe/Paris" } });
  assert.deepEqual(
    [reply.json().timeZone, reply.json().name, reply.json().holidays],
    ["Europe/Paris", "Acme", ["2027-07-01"]],
  );
  const wrong = await api.call("PATCH", "/v1/partners/acme", { body: { subscriptions: ["nosuch"] } });
  assert.equal(wrong.json().errors[0].path, "subscriptions");
  assert.equal((await api.call("PATCH", "/v1/partners/nobody", { body: { name: "X" } })).statusCode, 404);
});

test("endpoints can be added, moved, disabled, enabled and removed", async () => {
  const api = await openApi();
  await add(api, { ...acme, endpoints: [] });
  const url = "/v1/partners/acme/endpoints";
  const made = await api.call("POST", url, { body: { channel: "webhook", address: "http://127.0.0.1:9/hook" } });
  assert.equal(made.statusCode, 201, "an allowed range may be reached over http");
  const { endpoint: id, secret } = made.json();
  assert.match(id, /^ep_\d+$/);
  assert.match(secret, /^whsec_/);
  assert.equal(
    (await api.call("POST", url, { body: { channel: "webhook", address: "http://127.0.0.1:9/hook" } })).statusCode,
    409,
  );
  const bad = await api.call("PATCH", `/v1/endpoints/${id}`, { body: { address: "https://192.168.0.1/" } });
  assert.deepEqual([bad.statusCode, bad.json().errors[0].path], [422, "address"]);
  const off = await api.call("PATCH", `/v1/endpoints/${id}`, {
    body: { status: "disabled", address: "https://acme.example/2" },
  });
  assert.deepEqual([off.json().status, off.json().address], ["disabled", "https://acme.example/2"]);
  assert.equal((await api.call("POST", `/v1/endpoints/${id}/enable`)).json().status, "active");
  const listed = (await api.call("GET", url)).json();
  assert.deepEqual(
    listed.items.map((it: { endpoint: string }) => it.endpoint),
    [id],
  );
  assert.equal((await api.call("DELETE", `/v1/endpoints/${id}`)).statusCode, 204);
  for (const absent of [id, "ep_0", "ep_x", "17"])
    assert.equal((await api.call("DELETE", `/v1/endpoints/${absent}`)).statusCode, 404, absent);
});

test("a new secret leaves the old one in force for the overlap, a day unless told otherwise", async () => {
  const api = await openApi();
  const [mail, hook] = (await add(api, acme)).json().endpoints;
  const stored = async () =>
    (
      await api.ledger.pools.routine.query(
        `SELECT secret_sealed AS now, former_secret_sealed AS former,
                extract(epoch FROM former_secret_until - clock_timestamp())::float8 AS seconds
         FROM endpoints WHERE channel = 'webhook'`,
      )
    ).rows[0];
  const rotated = (await api.call("POST", `/v1/endpoints/${hook.endpoint}/rotate`)).json();
  assert.notEqual(rotated.secret, hook.secret);
  const day = await stored();
  assert.deepEqual([api.keyring.open(day.now), api.keyring.open(day.former)], [rotated.secret, hook.secret]);
  assert.ok(Math.abs(day.seconds - 86_400) < 60);
  await api.call("POST", `/v1/endpoints/${hook.endpoint}/rotate`, { body: { overlap: "PT1H" } });
  assert.ok(Math.abs((await stored()).seconds - 3_600) < 60);
  for (const overlap of ["1h", "P1M", "P31D", "P"])
    assert.equal(
      (await api.call("POST", `/v1/endpoints/${hook.endpoint}/rotate`, { body: { overlap } })).statusCode,
      422,
      overlap,
    );
  assert.equal((await api.call("POST", `/v1/endpoints/${mail.endpoint}/rotate`)).statusCode, 409);
});

test("a test notice answers the outcome of its attempt, and knows no endpoint that does not exist", async () => {
  const outcome = {
    delivery: "test.ep_1",
    status: "sent" as const,
    attempts: [{ at: "2026-11-22T09:00:00.000Z", ms: 5, code: 200 }],
  };
  const asked: number[] = [];
  const api = await openApi({
    sendTest: async (no) => {
      asked.push(no);
      return outcome;
    },
  });
  const [mail] = (await add(api, acme)).json().endpoints;
  assert.deepEqual((await api.call("POST", `/v1/endpoints/${mail.endpoint}/test`)).json(), outcome);
  assert.deepEqual(asked, [Number(mail.endpoint.slice(3))]);
  assert.equal((await api.call("POST", "/v1/endpoints/ep_999/test")).statusCode, 404);
});
