import assert from "node:assert/strict";
import { test } from "node:test";
import { makeBreaker } from "../../src/senders/breaker.ts";

const start = () => {
  let now = 1_000_000;
  const breaker = makeBreaker({ clock: { now: () => new Date(now) }, openMs: 5_000 });
  const admit = () => {
    const permit = breaker.admit();
    assert.ok(permit, "it should have admitted");
    return permit;
  };
  return { breaker, admit, pass: (ms: number) => (now += ms) };
};

test("while nothing has failed, everyone is admitted", () => {
  const { admit } = start();
  admit();
  admit().succeeded();
  admit();
});

test("a failure opens it for five seconds, and only the first failure is told of", () => {
  const { breaker, admit, pass } = start();
  const [first, second] = [admit(), admit()];
  assert.equal(first.failed(), true);
  assert.equal(second.failed(), false);
  assert.equal(breaker.refuses(), true);
  pass(4_999);
  assert.equal(breaker.admit(), null);
  pass(1);
  assert.equal(breaker.refuses(), false);
  admit();
});

test("after the wait one probe goes out, and the rest wait for it", () => {
  const { breaker, admit, pass } = start();
  admit().failed();
  pass(5_000);
  const probe = admit();
  assert.equal(breaker.admit(), null);
  probe.succeeded();
  admit();
  admit();
});

test("a probe that fails opens it again for the whole wait", () => {
  const { breaker, admit, pass } = start();
  admit().failed();
  pass(5_000);
  assert.equal(admit().failed(), false);
  pass(4_999);
  assert.equal(breaker.admit(), null);
  pass(1);
  admit();
});

test("a probe that is given up leaves its place to the next at once", () => {
  const { admit, pass } = start();
  admit().failed();
  pass(5_000);
  admit().abandoned();
  admit().succeeded();
});

test("a late failure of an earlier try does not end a probe under way", () => {
  const { breaker, admit, pass } = start();
  const late = admit();
  admit().failed();
  pass(5_000);
  const probe = admit();
  assert.equal(late.failed(), false);
  assert.equal(breaker.admit(), null);
  probe.succeeded();
  admit();
});

test("of a permit's calls only the first counts", () => {
  const { admit } = start();
  const permit = admit();
  permit.succeeded();
  assert.equal(permit.failed(), false);
  permit.abandoned();
  admit();
});

test("a clock that was set back an hour does not keep it open for an hour", () => {
  const { admit, pass } = start();
  admit().failed();
  pass(-3_600_000);
  admit();
});
