import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { test } from "node:test";
import type { Outcome } from "../../src/domain/delivery.ts";
import type { Lookup } from "../../src/senders/vetting.ts";
import { atEnd } from "../support/at-end.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/loopback-tls.ts";
import { startReceiver } from "../support/receiver.ts";
import { until } from "../support/until.ts";
import { addresseeAt, startTcp, startWebhookSender, TEST_NOTICE } from "../support/webhook-sending.ts";

const TIMEOUT_MS = 400;
/** The promise is the deadline; the rest is for a busy machine. */
const AT_MOST_MS = TIMEOUT_MS + 1_500;

const receiver = await startReceiver();
const hanging: Lookup = () => undefined;
const toLoopback: Lookup = (_name, _options, answer) => answer(null, [{ address: "127.0.0.1", family: 4 }]);
const never = new AbortController().signal;
const quick = startWebhookSender({ timeoutMs: TIMEOUT_MS });
const send = (address: string, by = quick, signal = never): Promise<Outcome> =>
  by.send(TEST_NOTICE, addresseeAt(address), signal);
const errorOf = (outcome: Outcome): string => ("error" in outcome ? outcome.error : "");

const timed = async (sending: Promise<Outcome>): Promise<Outcome> => {
  const before = performance.now();
  const outcome = await sending;
  const took = performance.now() - before;
  assert.ok(took < AT_MOST_MS, `it took ${took} ms`);
  return outcome;
};

const silent = await startTcp(() => undefined);
const answering = (bytes: string, then: (socket: Socket) => void = () => undefined) =>
  startTcp((socket) =>
    socket.once("data", () => {
      socket.write(bytes);
      then(socket);
    }),
  );

/** A name of hooks.partner.example that leads to loopback, with a certificate that holds for it. */
const startTls = async () => {
  const server = createServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (request, response) => {
    request
      .resume()
      .on("end", () =>
        response.writeHead(200).end(`sni ${(request.socket as TLSSocket & { servername: string }).servername}`),
      );
  });
  let connections = 0;
  server.on("secureConnection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
};

for (const [stage, url, lookup] of [
  ["lookup", "http://hooks.partner.example/", hanging],
  ["TLS", `https://127.0.0.1:${silent.port}/`, undefined],
  ["headers", `http://127.0.0.1:${silent.port}/`, undefined],
] as const)
  test(`a partner that hangs in the stage "${stage}" is left at the deadline, and retried`, async () => {
    const outcome = await timed(send(url, startWebhookSender({ timeoutMs: TIMEOUT_MS, lookup })));
    assert.deepEqual(outcome, {
      kind: "retry",
      code: null,
      error: `${stage}: not done within ${TIMEOUT_MS} ms`,
      answer: null,
      retryAfterMs: null,
    });
    await until(() => silent.open() === 0, { what: "the connection to be given up" });
  });

test("headers that come byte by byte end at the one deadline", async () => {
  const dripping = await answering("HTTP/1.1 200 So\r\n", (socket) => {
    const timer = setInterval(() => socket.write("x: y\r\n"), 20);
    socket.on("close", () => clearInterval(timer));
  });
  assert.match(errorOf(await timed(send(`http://127.0.0.1:${dripping.port}/`))), /^headers: not done within/);
  await until(() => dripping.open() === 0, { what: "the dripping connection to be cut" });
});

test("a body that comes byte by byte ends at the one deadline; the status decides", async () => {
  receiver.script("/drip", { kind: "drip", everyMs: 20 });
  const outcome = await timed(send(receiver.url("/drip")));
  assert.deepEqual([outcome.kind, "code" in outcome && outcome.code], ["sent", 200]);
  const failing = await answering("HTTP/1.1 503 No\r\ncontent-length: 100\r\nretry-after: 9\r\n\r\nhalf");
  const failed = await timed(send(`http://127.0.0.1:${failing.port}/`));
  assert.deepEqual(failed, {
    kind: "retry",
    code: 503,
    error: `503: the receiver failed; body: not done within ${TIMEOUT_MS} ms`,
    answer: "half",
    retryAfterMs: 9_000,
  });
});

test("what cannot be connected to, is cut or is not HTTP is retried, and the error names the stage", async () => {
  const closed = await startReceiver();
  await closed.close();
  receiver.script("/reset", { kind: "reset" });
  const cases: [string, RegExp][] = [
    [`http://127.0.0.1:${closed.port}/`, /^connect: the connection was refused \(ECONNREFUSED\)$/],
    [receiver.url("/reset"), /^headers: the connection was (reset \(ECONNRESET\)|closed \(UND_ERR_SOCKET\))$/],
    [
      `http://127.0.0.1:${(await answering("", (socket) => socket.end())).port}/`,
      /^headers: the connection was closed/,
    ],
    [`http://127.0.0.1:${(await answering("SSH-2.0-OpenSSH_9.2\r\n")).port}/`, /^headers: .*HTTP/],
    [
      `http://127.0.0.1:${(await answering(`HTTP/1.1 200 So\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)).port}/`,
      /^headers: the headers have more than 16 KiB/,
    ],
    [
      `http://127.0.0.1:${(await answering("HTTP/1.1 101 So\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")).port}/`,
      /^headers: /,
    ],
    [`https://127.0.0.1:${receiver.port}/`, /^TLS: /],
  ];
  for (const [url, error] of cases) {
    const outcome = await timed(send(url));
    assert.deepEqual([outcome.kind, "code" in outcome && outcome.code], ["retry", null], url);
    assert.match(errorOf(outcome), error);
  }
});

test("a name that does not exist is retried, and the error says so", async () => {
  const lookup: Lookup = (_name, _options, answer) =>
    answer(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }), []);
  const outcome = await send("https://hooks.partner.example/", startWebhookSender({ lookup }));
  assert.equal(errorOf(outcome), "lookup: there is no such name (ENOTFOUND)");
});

test("a body that is cut after its status keeps the status, and says what became of the body", async () => {
  const cut = (status: number) =>
    answering(`HTTP/1.1 ${status} So\r\ncontent-length: 100\r\n\r\nhalf`, (socket) => socket.end());
  assert.deepEqual(await send(`http://127.0.0.1:${(await cut(200)).port}/`), {
    kind: "sent",
    code: 200,
    answer: "half",
  });
  assert.match(
    errorOf(await send(`http://127.0.0.1:${(await cut(500)).port}/`)),
    /^500: the receiver failed; body: .*clos|length|announced/,
  );
});

test("an interim answer before the final one does not count", async () => {
  const early = await answering("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 So\r\n\r\n");
  assert.deepEqual(await send(`http://127.0.0.1:${early.port}/`), { kind: "sent", code: 204, answer: null });
});

test("certificates are verified, for the name that was asked for, and one connection serves many deliveries", async () => {
  const server = await startTls();
  const url = (host: string) => `https://${host}:${server.port}/`;
  assert.match(errorOf(await send(url("127.0.0.1"))), /^TLS: the certificate is self-signed/);
  const trusting = startWebhookSender({ ca: TEST_CERTIFICATE, lookup: toLoopback });
  assert.match(errorOf(await send(url("other.example"), trusting)), /^TLS: the certificate is for another name/);
  const before = server.connections();
  for (let nth = 0; nth < 5; nth += 1)
    assert.deepEqual(await send(url("hooks.partner.example"), trusting), {
      kind: "sent",
      code: 200,
      answer: "sni hooks.partner.example",
    });
  assert.equal(server.connections() - before, 1);
  assert.equal((await send(url("127.0.0.1"), trusting)).kind, "sent");
});

test("a delivery that is given up while it waits for a free connection is retried, and never begun", async () => {
  const narrow = startWebhookSender({ timeoutMs: TIMEOUT_MS, connectionsPerOrigin: 1 });
  const own = await startReceiver();
  own.script("/hang", { kind: "hang" });
  const stop = new AbortController();
  const hanging = send(own.url("/hang"), narrow);
  const waiting = send(own.url("/waiting"), narrow, stop.signal);
  await own.waitFor(1, { path: "/hang" });
  stop.abort();
  assert.equal(errorOf(await waiting), "waiting: stopped by this side");
  assert.match(errorOf(await hanging), /^headers: not done/);
  assert.equal((await send(own.url("/after"), narrow)).kind, "sent");
  assert.equal(own.at("/waiting").length, 0);
  assert.equal(own.connections(), 2);
});

test("aborting ends what is in flight, in whatever stage, as a retry, and sends nothing more", async () => {
  const stop = new AbortController();
  receiver.script("/stopped", { kind: "hang" });
  const slow = startWebhookSender({ timeoutMs: 60_000 });
  const unresolved = startWebhookSender({ timeoutMs: 60_000, lookup: hanging });
  const sending = [
    send(receiver.url("/stopped"), slow, stop.signal),
    send(`https://127.0.0.1:${silent.port}/`, slow, stop.signal),
    send("https://hooks.partner.example/", unresolved, stop.signal),
  ];
  await receiver.waitFor(1, { path: "/stopped" });
  await until(() => silent.open() === 1, { what: "the silent connection" });
  stop.abort();
  const outcomes = await Promise.all(sending);
  assert.deepEqual(
    outcomes.map(errorOf),
    ["headers", "TLS", "lookup"].map((stage) => `${stage}: stopped by this side`),
  );
  assert.ok(outcomes.every(({ kind }) => kind === "retry"));
  await until(() => silent.open() === 0, { what: "the silent connection to be given up" });
  const late = await send(receiver.url("/late"), slow, stop.signal);
  assert.deepEqual([late.kind, receiver.at("/late").length], ["retry", 0]);
});

test("one partner that hangs slows no other", async () => {
  const mixed = startWebhookSender({ timeoutMs: 5_000 });
  const own = await startReceiver();
  const stop = new AbortController();
  const hung = Array.from({ length: 100 }, () => send(`http://127.0.0.1:${silent.port}/`, mixed, stop.signal));
  await until(() => silent.open() > 0, { what: "the hanging connections" });
  const before = performance.now();
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, nth) => send(own.url(`/${nth}`), mixed)));
  assert.ok(outcomes.every(({ kind }) => kind === "sent"));
  assert.ok(performance.now() - before < 2_500);
  stop.abort();
  await Promise.all(hung);
});
