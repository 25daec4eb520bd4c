import assert from "node:assert/strict";
import { createHash, createVerify, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SMTPServer } from "smtp-server";
import type { AddressInfo } from "node:net";
import { makeKeyring } from "../../src/keyring.ts";
import { makeLog } from "../../src/log.ts";
import { type EmailSenderDeps, makeEmailSender } from "../../src/senders/email.ts";
import type { Addressee } from "../../src/senders/sender.ts";
import { webhookId } from "../../src/senders/signature.ts";
import { atEnd } from "../support/at-end.ts";
import { startMailbox } from "../support/mailbox.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "../support/loopback-tls.ts";
import { aNotice, anAddressee } from "../support/notice-scene.ts";
import { type Script, startScriptedRelay } from "../support/scripted-relay.ts";
import { until } from "../support/until.ts";

const keyring = makeKeyring("a secret of this test, long enough for it");
const NEVER = new AbortController().signal;

const senderTo = (smtpUrl: string, rest: Partial<EmailSenderDeps> = {}) => {
  let now = Date.parse("2026-11-22T09:00:00Z");
  const lines: string[] = [];
  const sender = makeEmailSender({
    smtpUrl,
    mailFrom: "API changes <changes@example.com>",
    publicUrl: "https://notices.example.com",
    keyring,
    templatesFolder: undefined,
    timeoutMs: 5_000,
    clock: { now: () => new Date(now) },
    log: makeLog("info", { write: (line) => lines.push(line) }),
    ...rest,
  });
  atEnd(() => sender.close());
  return {
    send: (to: Partial<Addressee> = {}, signal = NEVER) => sender.send(aNotice(), anAddressee(to), signal),
    close: () => sender.close(),
    pass: (ms: number) => (now += ms),
    lines,
  };
};

const scripted = async (script: Script, rest: Partial<EmailSenderDeps> = {}) => {
  const relay = await startScriptedRelay(script);
  return { relay, ...senderTo(relay.url, rest) };
};

const nowhere = async (): Promise<string> => {
  const gone = await startScriptedRelay();
  await gone.close();
  return gone.url;
};

test("a mail that the relay takes is sent, with the headers of its delivery", async () => {
  const mailbox = await startMailbox();
  const { send } = senderTo(mailbox.url);
  const outcome = await send({
    delivery: "CHG-1042.r1.reminder-P14D.ep_7",
    threadRoot: "CHG-1042.r1.announcement.ep_7",
  });
  assert.equal(outcome.kind, "sent");
  assert.equal(outcome.kind === "sent" && outcome.code, 250);
  const [mail] = await mailbox.waitFor(1);
  assert.ok(mail);
  assert.equal(mail.from, "changes@example.com");
  assert.deepEqual(mail.to, ["dev@acme.example"]);
  const header = (name: string) => mail.parsed.headers.filter(({ key }) => key === name).map(({ value }) => value);
  const root = `<${webhookId("CHG-1042.r1.announcement.ep_7")}@example.com>`;
  assert.equal(mail.parsed.messageId, `<${webhookId("CHG-1042.r1.reminder-P14D.ep_7")}@example.com>`);
  assert.equal(mail.parsed.inReplyTo, root);
  assert.equal(mail.parsed.references, root);
  assert.equal(mail.parsed.subject, "[CHG-1042] Old token endpoints are shut down");
  assert.deepEqual(mail.parsed.from, { name: "API changes", address: "changes@example.com" });
  assert.deepEqual(mail.parsed.to, [{ name: "Acme Health", address: "dev@acme.example" }]);
  assert.equal(mail.parsed.date, "2026-11-22T09:00:00.000Z");
  assert.deepEqual(header("auto-submitted"), ["auto-generated"]);
  assert.deepEqual(header("forewarn-change"), ["CHG-1042"]);
  assert.deepEqual(header("forewarn-notice"), ["CHG-1042.r1.announcement"]);
  assert.match(mail.parsed.text ?? "", /Monday, 1 March 2027/);
  assert.match(mail.parsed.html ?? "", /Monday, 1 March 2027/);
});

test("a first mail answers no other, and each attempt of a delivery has one Message-ID", async () => {
  const mailbox = await startMailbox();
  const { send } = senderTo(mailbox.url);
  await send();
  await send();
  const [first, second] = await mailbox.waitFor(2);
  assert.equal(first?.parsed.inReplyTo, undefined);
  assert.equal(first?.parsed.references, undefined);
  assert.equal(first?.parsed.messageId, second?.parsed.messageId);
});

test("forty mails at once go over four connections, and one more is reused afterwards", async () => {
  const mailbox = await startMailbox();
  const { send } = senderTo(mailbox.url, { connections: 4 });
  const many = Array.from({ length: 40 }, (_, no) =>
    send({ delivery: `d.ep_${no + 1}`, address: `p${no}@acme.example` }),
  );
  for (const outcome of await Promise.all(many)) assert.equal(outcome.kind, "sent");
  assert.equal((await send()).kind, "sent");
  assert.equal(mailbox.connections(), 4);
  assert.equal(new Set(mailbox.mails.map((mail) => mail.parsed.messageId)).size, 41);
});

type Expected = { kind: string; code?: number | null; endpoint?: string | null };
const answers: readonly { what: string; at: RegExp; answer: string; outcome: Expected }[] = [
  { what: "450 on MAIL FROM", at: /^MAIL/, answer: "450 4.3.2 busy", outcome: { kind: "retry", code: 450 } },
  { what: "550 on MAIL FROM", at: /^MAIL/, answer: "550 5.7.1 sender not allowed", outcome: { kind: "unreachable" } },
  { what: "530 on MAIL FROM", at: /^MAIL/, answer: "530 5.7.0 log in first", outcome: { kind: "unreachable" } },
  { what: "451 on RCPT TO", at: /^RCPT/, answer: "451 4.7.1 greylisted", outcome: { kind: "retry", code: 451 } },
  {
    what: "550 on RCPT TO",
    at: /^RCPT/,
    answer: "550 5.1.1 no such user",
    outcome: { kind: "failed", code: 550, endpoint: "bounced" },
  },
  {
    what: "550 without an enhanced code on RCPT TO",
    at: /^RCPT/,
    answer: "550 unknown",
    outcome: { kind: "failed", code: 550, endpoint: "bounced" },
  },
  {
    what: "552 5.2.2 on RCPT TO",
    at: /^RCPT/,
    answer: "552 5.2.2 mailbox full",
    outcome: { kind: "failed", code: 552, endpoint: "bounced" },
  },
  {
    what: "a relay that denies relaying",
    at: /^RCPT/,
    answer: "554 5.7.1 relay access denied",
    outcome: { kind: "retry", code: 554 },
  },
  { what: "530 on RCPT TO", at: /^RCPT/, answer: "530 5.7.0 log in first", outcome: { kind: "unreachable" } },
  { what: "503 on RCPT TO", at: /^RCPT/, answer: "503 5.5.1 need MAIL", outcome: { kind: "retry", code: 503 } },
  { what: "421 on RCPT TO", at: /^RCPT/, answer: "421 4.3.2 shutting down", outcome: { kind: "retry", code: 421 } },
  { what: "451 on DATA", at: /^DATA/, answer: "451 4.3.0 later", outcome: { kind: "retry", code: 451 } },
  { what: "554 on DATA", at: /^DATA/, answer: "554 5.6.0 no", outcome: { kind: "failed", code: 554, endpoint: null } },
  { what: "452 after DATA", at: /^\.$/, answer: "452 4.3.1 disk full", outcome: { kind: "retry", code: 452 } },
  {
    what: "550 after DATA",
    at: /^\.$/,
    answer: "550 5.7.1 looks like spam",
    outcome: { kind: "failed", code: 550, endpoint: null },
  },
  {
    what: "552 after DATA",
    at: /^\.$/,
    answer: "552 5.3.4 too large",
    outcome: { kind: "failed", code: 552, endpoint: null },
  },
  { what: "a cut at MAIL FROM", at: /^MAIL/, answer: "cut", outcome: { kind: "retry", code: null } },
  { what: "a cut at RCPT TO", at: /^RCPT/, answer: "cut", outcome: { kind: "retry", code: null } },
  { what: "a cut after DATA", at: /^\.$/, answer: "cut", outcome: { kind: "retry", code: null } },
  { what: "554 as greeting", at: /^connect$/, answer: "554 go away", outcome: { kind: "unreachable" } },
  { what: "a cut at the greeting", at: /^connect$/, answer: "cut", outcome: { kind: "unreachable" } },
  { what: "a cut at EHLO", at: /^EHLO/, answer: "cut", outcome: { kind: "unreachable" } },
  {
    what: "something that is not SMTP",
    at: /^connect$/,
    answer: "HTTP/1.1 400 Bad Request",
    outcome: { kind: "unreachable" },
  },
];

for (const pipelining of [false, true])
  for (const { what, at, answer, outcome } of answers)
    test(`${what}${pipelining ? ", pipelined," : ""} comes to ${JSON.stringify(outcome)}`, async () => {
      const { send } = await scripted((line, no) => {
        if (no === 0 && at.test(line)) return answer;
        return pipelining && line.startsWith("EHLO") ? "250-relay\r\n250 PIPELINING" : undefined;
      });
      const got = await send();
      for (const [name, value] of Object.entries(outcome))
        assert.equal((got as Record<string, unknown>)[name], value, JSON.stringify(got));
      if (/^\d/.test(answer) && got.kind !== "unreachable")
        assert.equal(got.kind !== "suppressed" && got.answer, answer);
    });

for (const stage of ["MAIL", "RCPT", "DATA", "."])
  test(`after a refusal at ${stage} the next mail is not affected, over the same connection`, async () => {
    let refused = false;
    const { send, relay } = await scripted(
      (line) => {
        if (refused || !(stage === "." ? line === "." : line.startsWith(stage))) return undefined;
        refused = true;
        return "450 not now";
      },
      { connections: 1 },
    );
    assert.equal((await send()).kind, "retry");
    assert.equal((await send()).kind, "sent");
    assert.deepEqual(
      relay.heard.map((lines) => lines.filter((line) => /^(MAIL|RSET|\.)/.test(line)).map((line) => line.slice(0, 4))),
      [stage === "." ? ["MAIL", ".", "RSET", "MAIL", "."] : ["MAIL", "RSET", "MAIL", "."]],
    );
  });

test("a connection that the relay closed while it was idle is replaced, and that is no attempt", async () => {
  for (const end of ["cut", "421 4.4.2 idle too long"]) {
    let mails = 0;
    const { send, relay } = await scripted((line, no) => {
      if (line.startsWith("MAIL")) mails += 1;
      return no === 0 && mails === 2 && line.startsWith("MAIL") ? end : undefined;
    });
    assert.equal((await send()).kind, "sent");
    assert.equal((await send()).kind, "sent");
    assert.equal(relay.heard.length, 2);
  }
});

test("a cut after the last byte is not repeated by itself: whether the relay has the mail is not known", async () => {
  let ends = 0;
  const { send, relay } = await scripted((line) => (line === "." && ++ends === 2 ? "cut" : undefined));
  assert.equal((await send()).kind, "sent");
  assert.equal((await send()).kind, "retry");
  assert.equal(relay.heard.flat().filter((line) => line === ".").length, 2);
});

test("a relay that stops answering under way ends as a retry at the deadline, and its connection is not used again", async () => {
  for (const stage of [/^MAIL/, /^RCPT/, /^\.$/]) {
    const { send, relay } = await scripted((line, no) => (no === 0 && stage.test(line) ? "silent" : undefined), {
      timeoutMs: 150,
    });
    const began = performance.now();
    const outcome = await send();
    assert.equal(outcome.kind, "retry");
    assert.match(outcome.kind === "retry" ? outcome.error : "", /no answer within 150 ms/);
    assert.ok(performance.now() - began < 1_500);
    assert.equal((await send()).kind, "sent");
    assert.equal(relay.heard.length, 2);
  }
});

test("a relay that never greets cannot be reached", async () => {
  const { send } = await scripted((line) => (line === "connect" ? "silent" : undefined), { timeoutMs: 150 });
  assert.equal((await send()).kind, "unreachable");
});

test("stopping ends a mail under way as a retry", async () => {
  for (const stage of [/^connect$/, /^RCPT/, /^\.$/]) {
    const stop = new AbortController();
    let reached = false;
    const { send } = await scripted((line) => {
      if (!stage.test(line)) return undefined;
      reached = true;
      return "silent";
    });
    const sending = send({}, stop.signal);
    await until(() => reached, { what: `the relay to hear ${stage}` });
    stop.abort();
    assert.equal((await sending).kind, "retry");
    assert.equal((await send({}, stop.signal)).kind, "retry");
  }
});

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

test("an address that is not exactly one is suppressed and never reaches the relay", async () => {
  const { send, relay } = await scripted(() => undefined);
  for (const address of [
    "a@acme.example, b@acme.example",
    "a@acme.example>\r\nRCPT TO:<eve@evil.example",
    "nobody",
    "",
  ]) {
    const outcome = await send({ address });
    assert.deepEqual(outcome.kind === "suppressed" && outcome.reason, "address-not-allowed");
  }
  assert.equal(relay.heard.length, 0);
});

test("an address in letters beyond ASCII goes to a relay with SMTPUTF8 and fails clearly at one without", async () => {
  const address = "jürgen@bücher.example";
  const able = await scripted((line) => (line.startsWith("EHLO") ? "250-relay\r\n250 SMTPUTF8" : undefined));
  assert.equal((await able.send({ address })).kind, "sent");
  const mailLine = able.relay.heard.flat().find((line) => line.startsWith("MAIL"));
  assert.match(mailLine ?? "", /SMTPUTF8$/);
  const unable = await scripted(() => undefined);
  const outcome = await unable.send({ address });
  assert.deepEqual(
    { ...outcome },
    {
      kind: "failed",
      code: null,
      error: "the address needs SMTPUTF8: the relay does not offer it",
      answer: null,
      endpoint: null,
    },
  );
  assert.equal((await unable.send()).kind, "sent");
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

test("connections end when the sender is closed", async () => {
  const { send, close, relay } = await scripted(() => undefined);
  await Promise.all([send(), send(), send()]);
  assert.ok(relay.open() > 0);
  await close();
  await until(() => relay.open() === 0, { what: "the connections to end" });
  assert.ok(relay.heard.every((lines) => lines.at(-1) === "QUIT"));
});

test("a template that faults under way is a retry that names file and line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "forewarn-mail-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "notice.text.liquid"), "\n{{ nothing.of.this }}");
  const { send, lines } = await scripted(() => undefined, { templatesFolder: folder });
  const outcome = await send();
  assert.match(outcome.kind === "retry" ? outcome.error : "", /notice\.text\.liquid, line 2/);
  assert.match(lines.join(""), /"line":2/);
});

test("with a DKIM key each mail is signed over the headers that matter, and a key that cannot sign stops the start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "forewarn-dkim-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyFile = join(folder, "dkim.pem");
  writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
  const mailbox = await startMailbox();
  const dkim = { domain: "example.com", selector: "s1", keyFile };
  assert.equal((await senderTo(mailbox.url, { dkim }).send()).kind, "sent");
  const [mail] = await mailbox.waitFor(1);
  const raw = (mail?.raw ?? Buffer.of()).toString("latin1");
  const [head, body] = [raw.slice(0, raw.indexOf("\r\n\r\n")), raw.slice(raw.indexOf("\r\n\r\n") + 4)];
  const fields = head.split(/\r\n(?![ \t])/);
  const relaxed = (field: string): string =>
    `${field.slice(0, field.indexOf(":")).toLowerCase()}:${field
      .slice(field.indexOf(":") + 1)
      .replace(/\r\n/g, "")
      .replace(/[ \t]+/g, " ")
      .trim()}`;
  const signature = fields.find((field) => field.startsWith("DKIM-Signature:")) ?? "";
  const tag = (name: string): string =>
    new RegExp(`[;: ]${name}=([^;]*)`).exec(relaxed(signature))?.[1]?.replace(/\s/g, "") ?? "";
  const signed = tag("h").split(":");
  for (const name of ["from", "to", "subject", "message-id", "date", "auto-submitted", "forewarn-change"])
    assert.ok(signed.includes(name), `${name} is not signed`);
  const relaxedBody = `${body
    .split("\r\n")
    .map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""))
    .join("\r\n")
    .replace(/(\r\n)*$/, "")}\r\n`;
  assert.equal(createHash("sha256").update(relaxedBody, "latin1").digest("base64"), tag("bh"));
  const data = [
    ...signed.map((name) => relaxed(fields.find((field) => field.toLowerCase().startsWith(`${name}:`)) ?? "")),
    relaxed(signature).replace(/ b=.*$/, " b="),
  ].join("\r\n");
  assert.ok(createVerify("RSA-SHA256").update(data, "latin1").verify(publicKey, tag("b"), "base64"));

  const elliptic = join(folder, "ec.pem");
  writeFileSync(
    elliptic,
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
  );
  assert.throws(() => senderTo(mailbox.url, { dkim: { ...dkim, keyFile: elliptic } }), /no RSA key/);
});
