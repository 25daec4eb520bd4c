import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { elapsedMs } from "../../src/domain/duration.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { nextAttempt } from "../../src/domain/retry.ts";

const { webhook, email } = DEFAULT_POLICY.retries;
const HOUR = 3_600_000;

/** The instants of every attempt from the first failure on. */
const attemptsOf = (schedule: readonly string[], random: number): number[] => {
  const times = [0];
  for (;;) {
    const next = nextAttempt({ schedule, attempts: times.length, retryAfterMs: null, random });
    if (next.kind === "exhausted") return times;
    times.push((times.at(-1) ?? 0) + next.afterMs);
  }
};

suite("retries", () => {
  test("the first failure of a webhook is tried again after five seconds", () =>
    assert.deepEqual(nextAttempt({ schedule: webhook, attempts: 1, retryAfterMs: null, random: 0 }), {
      kind: "retry",
      afterMs: 5_000,
    }));

  test("a webhook is tried ten times within 75 h 35 min 5 s, and within a tenth more at worst", () => {
    const plain = attemptsOf(webhook, 0);
    assert.equal(plain.length, 10);
    assert.equal(plain.at(-1), 75 * HOUR + 35 * 60_000 + 5_000);
    assert.equal(attemptsOf(webhook, 1).at(-1), Math.round((75 * HOUR + 35 * 60_000 + 5_000) * 1.1));
  });

  test("a mail is tried nine times within 65 h 21 min", () => {
    const plain = attemptsOf(email, 0);
    assert.equal(plain.length, 9);
    assert.equal(plain.at(-1), 65 * HOUR + 21 * 60_000);
  });

  test("the gaps used up are the end", () =>
    assert.deepEqual(nextAttempt({ schedule: webhook, attempts: 10, retryAfterMs: null, random: 0.5 }), {
      kind: "exhausted",
    }));

  test("a receiver's wish cannot bring back what is used up", () =>
    assert.deepEqual(nextAttempt({ schedule: ["PT5S"], attempts: 2, retryAfterMs: 1_000, random: 0 }), {
      kind: "exhausted",
    }));

  test("no gaps at all: one attempt only", () =>
    assert.deepEqual(nextAttempt({ schedule: [], attempts: 1, retryAfterMs: null, random: 0 }), { kind: "exhausted" }));

  for (const [retryAfterMs, afterMs] of [
    [60_000, 60_000],
    [5_001, 5_001],
    [4_999, 5_000],
    [0, 5_000],
  ] as const)
    test(`Retry-After of ${retryAfterMs} ms against a gap of 5 s waits ${afterMs} ms`, () =>
      assert.deepEqual(nextAttempt({ schedule: webhook, attempts: 1, retryAfterMs, random: 0 }), {
        kind: "retry",
        afterMs,
      }));

  test("a wait is never shorter than its gap, nor longer than a tenth more, nor than the receiver asked", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.option(fc.nat(24 * HOUR)),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempts, retryAfterMs, random) => {
          const next = nextAttempt({ schedule: webhook, attempts, retryAfterMs, random });
          assert.ok(next.kind === "retry");
          const gap = elapsedMs(webhook[attempts - 1] ?? "");
          assert.ok(next.afterMs >= Math.max(gap, retryAfterMs ?? 0));
          assert.ok(next.afterMs <= Math.max(Math.ceil(gap * 1.1), retryAfterMs ?? 0));
        },
      ),
    ));

  test("nothing to repeat is a bug, not an answer", () => {
    for (const attempts of [0, -1, 1.5, Number.NaN])
      assert.throws(() => nextAttempt({ schedule: webhook, attempts, retryAfterMs: null, random: 0 }), RangeError);
  });
});
