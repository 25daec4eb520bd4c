import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { SMTPServer } from "smtp-server";
import { atEnd } from "../support/at-end.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/loopback-tls.ts";
import { scripted, senderTo } from "../support/mail-sending.ts";
import { startScriptedRelay } from "../support/scripted-relay.ts";

const nowhere = async (): Promise<string> => {
  const gone = await startScriptedRelay();
  await gone.close();
  return gone.url;
};

test("when the relay cannot be reached nothing hammers it, one probe goes out after five seconds, and then all goes on", async () => {
  let up = false;
  const { send, relay, pass, lines } = await scripted((line) => (line === "connect" && !up ? "cut" : undefined));
  assert.equal((await send()).kind, "unreachable");
  for (const outcome of await Promise.all(Array.from({ length: 30 }, () => send())))
    assert.equal(outcome.kind, "unreachable");
  assert.equal(relay.heard.length, 1);
  assert.equal(lines.filter((line) => line.includes("cannot be reached")).length, 1);
  pass(5_000);
  const probes = await Promise.all(Array.from({ length: 30 }, () => send()));
  assert.ok(probes.every(({ kind }) => kind === "unreachable"));
  assert.equal(relay.heard.length, 2);
  up = true;
  pass(5_000);
  assert.equal((await send()).kind, "sent");
  assert.equal((await send()).kind, "sent");
});

test("a refusal of our own sender address holds the next mails back too", async () => {
  const { send, relay } = await scripted((line) => (line.startsWith("MAIL") ? "550 5.7.1 not yours" : undefined));
  assert.equal((await send()).kind, "unreachable");
  assert.equal((await send({ address: "other@acme.example" })).kind, "unreachable");
  assert.equal(relay.heard.flat().filter((line) => line.startsWith("MAIL")).length, 1);
});

test("a closed port cannot be reached", async () => {
  assert.equal((await senderTo(await nowhere()).send()).kind, "unreachable");
});

test("a relay that takes only two connections gets two, and every mail arrives", async () => {
  let opened = 0;
  const { send, relay } = await scripted(
    (line) => (line === "connect" && ++opened > 2 ? "421 4.7.0 too many connections" : undefined),
    { connections: 8 },
  );
  assert.equal((await send()).kind, "sent");
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, no) => send({ delivery: `d.ep_${no}` })));
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(["sent"]));
  assert.equal(relay.heard.flat().filter((line) => line === ".").length, 21);
});

const secured = async (options: ConstructorParameters<typeof SMTPServer>[0]) => {
  const server = new SMTPServer({
    disableReverseLookup: true,
    closeTimeout: 100,
    key: TEST_KEY,
    cert: TEST_CERTIFICATE,
    ...options,
  });
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  atEnd(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.server.address() as AddressInfo).port;
};

test("the login of SMTP_URL is used, and a wrong one holds every mail back", async () => {
  const seen: (string | undefined)[] = [];
  const port = await secured({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) => {
      seen.push(auth.username);
      done(auth.password === "p:ss/w" ? null : new Error("no"), { user: auth.username });
    },
    onData: (stream, _session, done) => void stream.resume().on("end", () => done()),
  });
  assert.equal((await senderTo(`smtp://us%40er:p%3Ass%2Fw@127.0.0.1:${port}`).send()).kind, "sent");
  const refused = await senderTo(`smtp://us%40er:wrong@127.0.0.1:${port}`).send();
  assert.equal(refused.kind, "unreachable");
  assert.match(refused.kind === "unreachable" ? refused.error : "", /refused our login: 535/);
  assert.deepEqual(seen, ["us@er", "us@er"]);
});

test("a certificate that cannot be trusted is no relay, unless the URL says so", async () => {
  const port = await secured({
    secure: true,
    authOptional: true,
    onData: (stream, _s, done) => void stream.resume().on("end", () => done()),
  });
  assert.equal((await senderTo(`smtps://127.0.0.1:${port}`).send()).kind, "unreachable");
  assert.equal((await senderTo(`smtps://127.0.0.1:${port}?tls.rejectUnauthorized=false`).send()).kind, "sent");
  const plain = await secured({
    authOptional: true,
    onData: (stream, _s, done) => void stream.resume().on("end", () => done()),
  });
  assert.equal((await senderTo(`smtp://127.0.0.1:${plain}?requireTLS=true`).send()).kind, "unreachable");
  assert.equal((await senderTo(`smtp://127.0.0.1:${plain}`).send()).kind, "sent");
});
