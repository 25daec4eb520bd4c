import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLog } from "../../src/log.ts";

const SECRET = "anna@example.com";

/** What one line of a log of that level says. */
const said = (level: string, fields: object): Record<string, unknown> => {
  const lines: string[] = [];
  makeLog(level, { write: (line) => void lines.push(line) }).warn(fields, "a fact");
  return JSON.parse(lines.join(""));
};

const error = Object.assign(new Error("refused"), { address: SECRET, code: "ECONNREFUSED" });

for (const [where, fields] of [
  ["a field", { to: SECRET, partner: "acme" }],
  ["an object", { endpoint: { url: SECRET, no: 7 } }],
  ["an error", { err: error }],
  ["an error by another name", { fault: error }],
  ["a list of addresses", { addresses: [SECRET] }],
] as const)
  test(`an address in ${where} is redacted, and shown at debug`, () => {
    const line = JSON.stringify(said("info", fields));
    assert.ok(!line.includes(SECRET), line);
    assert.match(line, /\[redacted\]/);
    assert.ok(JSON.stringify(said("debug", fields)).includes(SECRET));
  });

test("what is no secret is logged as it is", () => {
  const at = new Date("2027-03-01T08:00:00Z");
  const { msg, err, ...rest } = said("info", { err: error, n: 1, list: ["a"], at, none: null, endpoint: { no: 7 } });
  assert.equal(msg, "a fact");
  const { type, message, code, stack } = err as Record<string, string>;
  assert.deepEqual({ type, message, code }, { type: "Error", message: "refused", code: "ECONNREFUSED" });
  assert.match(stack ?? "", /log\.test\.ts/);
  const { n, list, at: when, none, endpoint } = rest;
  assert.deepEqual(
    { n, list, when, none, endpoint },
    { n: 1, list: ["a"], when: at.toISOString(), none: null, endpoint: { no: 7 } },
  );
});

test("counts under a channel's name are no addresses", () => {
  const counts = { email: { sent: 2, failed: 0 }, webhook: { sent: 1 } };
  const { counts: shown, email, to } = said("info", { counts, email: 3, to: { waiting: 1 } });
  assert.deepEqual({ counts: shown, email, to }, { counts, email: 3, to: { waiting: 1 } });
});

test("bytes and web addresses are redacted, though they hold no text of their own", () => {
  const { key, secret, url } = said("info", {
    key: Buffer.from(SECRET),
    secret: [...Buffer.from(SECRET)],
    url: new URL(`https://x.example/${SECRET}`),
  });
  assert.deepEqual([key, secret, url], ["[redacted]", "[redacted]", "[redacted]"]);
});

test("what was thrown and is no error is logged too", () => assert.equal(said("info", { err: null })["err"], null));

test("of a request no URL is logged, whoever logs it", () => {
  const request = Object.create({
    get url() {
      return `/p/${SECRET}`;
    },
  }) as object;
  Object.assign(request, { id: "req-1", method: "GET" });
  assert.deepEqual(said("info", { req: request })["req"], { id: "req-1", method: "GET" });
});

test("what a child binds is redacted, and does not change what it was given", () => {
  const lines: string[] = [];
  const given = { endpoint: { url: SECRET } };
  makeLog("info", { write: (line) => void lines.push(line) })
    .child({ secret: SECRET })
    .info(given, "a fact");
  assert.ok(!lines.join("").includes(SECRET));
  assert.equal(given.endpoint.url, SECRET);
});
