import assert from "node:assert/strict";
import { lookup as systemLookup } from "node:dns";
import { test } from "node:test";
import type { Outcome } from "../../src/domain/delivery.ts";
import type { Lookup } from "../../src/senders/vetting.ts";
import { addresseeAt, startTcp, startWebhookSender, TEST_NOTICE } from "../support/webhook-sending.ts";

const answer = "HTTP/1.1 204 So\r\n\r\n";
const v4 = await startTcp((socket) => socket.on("data", () => socket.write(answer)));
const v6 = await startTcp((socket) => socket.on("data", () => socket.write(answer)), "::1").catch(() => null);
const never = new AbortController().signal;
const send = (address: string, by = closed): Promise<Outcome> => by.send(TEST_NOTICE, addresseeAt(address), never);

/** Names lead where the test says; any other name is a fault of the test, so that no question leaves this machine. */
const resolving =
  (names: Record<string, string[]>): Lookup =>
  (name, options, done) => {
    const found = names[name];
    if (name === "localhost") return systemLookup(name, options, done);
    if (!found) throw new Error(`${name} was looked up`);
    return done(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };

const closed = startWebhookSender({ webhookAllow: [], lookup: resolving({}) });
const opened = startWebhookSender({ lookup: resolving({}) });

const SPELLINGS = [
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "0x7f000001",
  "017700000001",
  "0177.0.0.1",
  "2130706433",
  "127.0.0.1.",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "①②⑦.⓪.⓪.①",
  "localhost",
];

for (const host of SPELLINGS)
  test(`${host} is refused before a packet is sent, and reached once loopback is allowed`, async () => {
    const before = v4.accepted();
    for (const scheme of ["http", "https"]) {
      const outcome = await send(`${scheme}://${host}:${v4.port}/`);
      assert.deepEqual([outcome.kind, "reason" in outcome && outcome.reason], ["suppressed", "address-not-allowed"]);
      assert.match(
        "error" in outcome ? outcome.error : "",
        /^the address may not be reached: the address is .*loopback/,
      );
    }
    assert.equal(v4.accepted(), before);
    const opened = startWebhookSender({ lookup: resolving({}) });
    assert.deepEqual(await send(`http://${host}:${v4.port}/`, opened), { kind: "sent", code: 204, answer: null });
    assert.equal(v4.accepted(), before + 1);
  });

test("[::1] is refused before a packet is sent, and reached once loopback is allowed", {
  skip: v6 === null,
}, async () => {
  assert.ok(v6);
  assert.equal((await send(`http://[::1]:${v6.port}/`)).kind, "suppressed");
  assert.equal(v6.accepted(), 0);
  assert.equal((await send(`http://[0:0:0:0:0:0:0:1]:${v6.port}/`, opened)).kind, "sent");
});

test("an allow-list opens its own range only", async () => {
  const other = startWebhookSender({ webhookAllow: ["10.0.0.0/8", "::1/128"], lookup: resolving({}) });
  const before = v4.accepted();
  assert.equal((await send(`http://127.0.0.1:${v4.port}/`, other)).kind, "suppressed");
  const one = startWebhookSender({ webhookAllow: ["127.0.0.2/32"], lookup: resolving({}) });
  assert.equal((await send(`http://127.0.0.1:${v4.port}/`, one)).kind, "suppressed");
  assert.equal(v4.accepted(), before);
});

// Loopback alone: were the guard broken, these tests must not be what reaches somebody. The rest is in test/unit/vetting.
for (const addresses of [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["::1"], ["::ffff:127.0.0.1"]])
  test(`a public name that leads to ${addresses.join(" and ")} is refused before a packet is sent`, async () => {
    const before = v4.accepted();
    const sender = startWebhookSender({ webhookAllow: [], lookup: resolving({ "hooks.partner.example": addresses }) });
    const outcome = await send(`https://hooks.partner.example:${v4.port}/`, sender);
    assert.deepEqual([outcome.kind, "reason" in outcome && outcome.reason], ["suppressed", "address-not-allowed"]);
    assert.equal(v4.accepted(), before);
  });

test("a name whose address changes is vetted again at the next connection: rebinding gains nothing", async () => {
  const names = { "hooks.partner.example": ["127.0.0.1"] };
  const sender = startWebhookSender({ webhookAllow: ["127.0.0.1/32"], lookup: resolving(names) });
  const closing = await startTcp((socket) =>
    socket.on("data", () => socket.end("HTTP/1.1 204 So\r\nconnection: close\r\n\r\n")),
  );
  const url = `http://hooks.partner.example:${closing.port}/`;
  assert.equal((await send(url, sender)).kind, "sent");
  names["hooks.partner.example"] = ["127.0.0.2"];
  assert.equal((await send(url, sender)).kind, "suppressed");
  assert.equal(closing.accepted(), 1);
});

test("of a name's addresses only those that may be reached are tried", async () => {
  const names = { "hooks.partner.example": ["127.0.0.2", "127.0.0.3", "127.0.0.1", "::1"] };
  const sender = startWebhookSender({ webhookAllow: ["127.0.0.1/32"], lookup: resolving(names) });
  const reached: (string | undefined)[] = [];
  const server = await startTcp((socket) => {
    reached.push(socket.localAddress);
    socket.on("data", () => socket.write(answer));
  });
  assert.equal((await send(`http://hooks.partner.example:${server.port}/`, sender)).kind, "sent");
  assert.deepEqual(reached, ["127.0.0.1"]);
});

for (const address of ["", "hooks.partner.example", "ftp://127.0.0.1/", "file:///etc/passwd", "unix:/run/x.sock"])
  test(`an endpoint's address "${address}" is refused without an attempt`, async () => {
    const outcome = await send(address, opened);
    assert.deepEqual([outcome.kind, "reason" in outcome && outcome.reason], ["suppressed", "address-not-allowed"]);
  });
