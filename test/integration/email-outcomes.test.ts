import assert from "node:assert/strict";
import { test } from "node:test";
import { scripted } from "../support/mail-sending.ts";
import { until } from "../support/until.ts";

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
    const stoppedAt = performance.now();
    stop.abort();
    assert.equal((await sending).kind, "retry");
    assert.ok(performance.now() - stoppedAt < 1_500, "it does not wait for its deadline");
    assert.equal((await send({}, stop.signal)).kind, "retry");
  }
});
