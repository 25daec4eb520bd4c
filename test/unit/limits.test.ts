import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type Endable, makeLimits } from "../../src/senders/limits.ts";

const makeOne = (ended: string[], name: string): Endable => ({ end: (why) => ended.push(`${name}: ${why}`) });

test("what is not done in time ends in the order of beginning, and what is done never", async () => {
  const ended: string[] = [];
  const limits = makeLimits({ timeoutMs: 30, late: "late", stopped: "stopped" });
  const { signal } = new AbortController();
  const [first, second, third, fourth] = ["first", "second", "third", "fourth"].map((name) =>
    limits.begin(makeOne(ended, name), signal),
  );
  limits.done(second ?? null);
  limits.done(second ?? null);
  limits.done(fourth ?? null);
  for (const deadline = Date.now() + 5_000; ended.length < 2 && Date.now() < deadline; ) await wait(5);
  assert.deepEqual(ended, ["first: late", "third: late"]);
  limits.done(first ?? null);
  limits.done(third ?? null);
});

test("an aborted signal ends its own, at once those that begin under it, and no others", () => {
  const ended: string[] = [];
  const limits = makeLimits({ timeoutMs: 60_000, late: "late", stopped: "stopped" });
  const [stopping, other] = [new AbortController(), new AbortController()];
  const begun = [
    limits.begin(makeOne(ended, "a"), stopping.signal),
    limits.begin(makeOne(ended, "b"), other.signal),
    limits.begin(makeOne(ended, "c"), stopping.signal),
  ];
  stopping.abort();
  assert.deepEqual(ended, ["a: stopped", "c: stopped"]);
  assert.equal(limits.begin(makeOne(ended, "d"), stopping.signal), null);
  assert.deepEqual(ended, ["a: stopped", "c: stopped", "d: stopped"]);
  for (const one of begun) limits.done(one);
});
