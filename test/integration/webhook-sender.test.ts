import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Outcome } from "../../src/domain/delivery.ts";
import { newSecret, webhookId } from "../../src/senders/signature.ts";
import { startReceiver } from "../support/receiver.ts";
import { until } from "../support/until.ts";
import { addresseeAt, startTcp, startWebhookSender, TEST_NOTICE } from "../support/webhook-sending.ts";

const receiver = await startReceiver();
const sender = startWebhookSender();
const never = new AbortController().signal;
const send = (address: string, by = sender): Promise<Outcome> => by.send(TEST_NOTICE, addresseeAt(address), never);

test("a webhook arrives with the headers of the interface and a signature that the partner's verifier accepts", async () => {
  const secrets = [newSecret(), newSecret()];
  const to = addresseeAt(receiver.url("/signed?token=a%20b"), { secrets });
  const outcome = await sender.send(TEST_NOTICE, to, never);
  assert.deepEqual(outcome, { kind: "sent", code: 204, answer: null });
  const [received] = receiver.at("/signed?token=a%20b");
  assert.ok(received);
  assert.equal(received.method, "POST");
  assert.equal(received.headers["content-type"], "application/cloudevents+json");
  assert.equal(received.headers["user-agent"], "Forewarn/0.0.0-test");
  assert.equal(received.headers["webhook-id"], webhookId(to.delivery));
  assert.match(String(received.headers["webhook-timestamp"]), /^\d{10}$/);
  assert.equal(Number(received.headers["content-length"]), received.body.length);
  for (const secret of secrets) {
    const event = receiver.verify(received, secret) as { id: string; type: string; data: { partner: string } };
    assert.deepEqual(
      [event.id, event.type, event.data.partner],
      [webhookId(to.delivery), "forewarn.notice.announcement", "acme"],
    );
  }
  assert.throws(() => receiver.verify(received, newSecret()));
});

test("the second attempt of a delivery bears the same id and bytes, with a timestamp of its own", async () => {
  let at = new Date();
  const moving = startWebhookSender({ clock: { now: () => at } });
  const to = addresseeAt(receiver.url("/twice"));
  await moving.send(TEST_NOTICE, to, never);
  at = new Date(at.getTime() + 60_000);
  await moving.send(TEST_NOTICE, to, never);
  const [first, second] = receiver.at("/twice");
  assert.ok(first && second);
  assert.deepEqual(second.body, first.body);
  assert.equal(second.headers["webhook-id"], first.headers["webhook-id"]);
  assert.equal(Number(second.headers["webhook-timestamp"]) - Number(first.headers["webhook-timestamp"]), 60);
  assert.notEqual(second.headers["webhook-signature"], first.headers["webhook-signature"]);
  for (const received of [first, second]) receiver.verify(received, to.secrets[0] ?? "");
});

const retry = (code: number, error: RegExp, retryAfterMs: number | null = null) => ({
  kind: "retry" as const,
  code,
  error,
  retryAfterMs,
});

const NOW = new Date("2027-03-01T08:00:00.000Z");

for (const [status, headers, expected] of [
  [200, {}, { kind: "sent", code: 200 }],
  [201, {}, { kind: "sent", code: 201 }],
  [202, {}, { kind: "sent", code: 202 }],
  [299, {}, { kind: "sent", code: 299 }],
  [301, { location: "/elsewhere" }, retry(301, /redirects are not followed/)],
  [302, { location: "/elsewhere", "retry-after": "60" }, retry(302, /redirects/)],
  [304, {}, retry(304, /redirects/)],
  [307, { location: "/elsewhere" }, retry(307, /redirects/)],
  [308, { location: "/elsewhere" }, retry(308, /redirects/)],
  [400, {}, retry(400, /refused/)],
  [401, {}, retry(401, /refused/)],
  [403, {}, retry(403, /refused/)],
  [404, { "retry-after": "7" }, retry(404, /refused/, 7_000)],
  [408, { "retry-after": "0" }, retry(408, /in time/, 0)],
  [410, {}, { kind: "failed", code: 410, error: /wants no more/, endpoint: "disabled" }],
  [425, {}, retry(425, /too early/)],
  [429, { "retry-after": "120" }, retry(429, /slower pace/, 120_000)],
  [429, { "retry-after": "Mon, 01 Mar 2027 08:05:00 GMT" }, retry(429, /slower/, 300_000)],
  [429, { "retry-after": "Monday, 01-Mar-27 08:05:00 GMT" }, retry(429, /slower/, 300_000)],
  [429, { "retry-after": "Mon Mar  1 08:05:00 2027" }, retry(429, /slower/, 300_000)],
  [429, { "retry-after": "Mon, 01 Mar 2027 07:59:00 GMT" }, retry(429, /slower/)],
  [429, { "retry-after": "999999999999999999999" }, retry(429, /slower/, 86_400_000)],
  [429, { "retry-after": "Fri, 01 Mar 2030 08:05:00 GMT" }, retry(429, /slower/, 86_400_000)],
  [429, { "retry-after": "soon" }, retry(429, /slower/)],
  [429, { "retry-after": "-5" }, retry(429, /slower/)],
  [500, {}, retry(500, /receiver failed/)],
  [502, {}, retry(502, /receiver failed/)],
  [503, { "retry-after": "3600" }, retry(503, /receiver failed/, 3_600_000)],
  [599, {}, retry(599, /receiver failed/)],
  [600, {}, retry(600, /no status of HTTP/)],
  [999, { "retry-after": "1" }, retry(999, /no status of HTTP/)],
] as const)
  test(`an answer ${status}${"retry-after" in headers ? ` with Retry-After: ${headers["retry-after"]}` : ""} is ${expected.kind}`, async () => {
    const fixed = startWebhookSender({ clock: { now: () => NOW } });
    const path = `/status-${status}-${"retry-after" in headers ? headers["retry-after"] : ""}`;
    const url = new URL(receiver.url(path));
    receiver.script(url.pathname, {
      kind: "answer",
      status,
      headers,
      ...(status === 304 ? {} : { body: "because\u0000 of 日本" }),
    });
    const outcome = await send(url.href, fixed);
    const { error, ...rest } = { error: /^$/, ...expected };
    const answer = status === 304 ? null : "because  of 日本";
    assert.match("error" in outcome ? outcome.error : "", error);
    assert.deepEqual({ ...outcome, error: undefined }, { ...rest, answer, error: undefined });
    assert.equal(receiver.at(url.pathname).length, 1);
    assert.equal(receiver.at("/elsewhere").length, 0);
  });

test("an answer is kept to 500 characters, and a longer body than 16 KiB is not read on", async () => {
  receiver.script("/long", { kind: "answer", status: 200, body: "é".repeat(4_000) });
  const outcome = await send(receiver.url("/long"));
  assert.deepEqual(outcome, { kind: "sent", code: 200, answer: "é".repeat(500) });
  for (const [status, kind] of [
    [200, "sent"],
    [500, "retry"],
  ] as const) {
    let written = 0;
    const endless = await startTcp((socket) => {
      socket.write(`HTTP/1.1 ${status} So\r\ntransfer-encoding: chunked\r\n\r\n`);
      const pour = (): void => {
        while (!socket.destroyed && socket.write(`1000\r\n${"x".repeat(4_096)}\r\n`)) written += 4_096;
      };
      socket.on("drain", pour);
      pour();
    });
    const before = performance.now();
    const outcome = await send(`http://127.0.0.1:${endless.port}/`);
    assert.deepEqual([outcome.kind, "answer" in outcome && outcome.answer], [kind, "x".repeat(500)]);
    assert.ok(performance.now() - before < 5_000);
    await until(() => endless.open() === 0, { what: "the endless connection to be cut" });
    assert.ok(written < 20_000_000);
  }
});

test("deliveries one after the other, with answers that have a body, share one connection", async () => {
  const own = await startReceiver();
  own.script("/", { kind: "answer", status: 200, body: "ok ".repeat(2_000) });
  for (let nth = 0; nth < 20; nth += 1) assert.equal((await send(own.url("/"))).kind, "sent");
  assert.equal(own.received.length, 20);
  assert.equal(own.connections(), 1);
});

test("an origin gets no more connections than its cap, and all that wait for one are sent in turn", async () => {
  const capped = startWebhookSender({ connectionsPerOrigin: 3 });
  const own = await startReceiver();
  own.script("/", { kind: "answer", status: 200, delayMs: 20 });
  const outcomes = await Promise.all(Array.from({ length: 30 }, () => send(own.url("/"), capped)));
  assert.ok(outcomes.every(({ kind }) => kind === "sent"));
  assert.equal(own.connections(), 3);
});

test("the connections of the origins that were unused longest are closed beyond the bound, and reopened on demand", async () => {
  const few = startWebhookSender({ idleOrigins: 2 });
  const answering = () =>
    startTcp((socket) => socket.on("data", () => socket.write("HTTP/1.1 204 So\r\nkeep-alive: timeout=600\r\n\r\n")));
  const servers = await Promise.all([answering(), answering(), answering(), answering()]);
  const post = async (server: { port: number }) =>
    assert.equal((await send(`http://127.0.0.1:${server.port}/`, few)).kind, "sent");
  for (const server of servers) await post(server);
  const open = (): number[] => servers.map((server) => server.open());
  await until(() => open().join() === "0,0,1,1", { what: "two idle connections to be left" });
  for (const server of servers) await post(server);
  assert.deepEqual(servers.map((server) => server.accepted()).slice(0, 2), [2, 2]);
});

test("300 deliveries in flight under one signal share one listener, and leave no warning behind", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  const stop = new AbortController();
  let listening = 0;
  const { signal } = stop;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening += 1;
    add(...args);
  };
  const own = await startReceiver();
  const outcomes = await Promise.all(
    Array.from({ length: 300 }, (_, nth) => sender.send(TEST_NOTICE, addresseeAt(own.url(`/${nth}`)), signal)),
  );
  assert.ok(outcomes.every(({ kind }) => kind === "sent"));
  assert.equal(listening, 1);
  await pause(0);
  process.off("warning", onWarning);
  assert.deepEqual(warnings, []);
});
