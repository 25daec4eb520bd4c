import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  elapsedMs,
  formatDuration,
  offsetSpan,
  parseDuration,
  parseOffset,
  spanOf,
} from "../../src/domain/duration.ts";

suite("durations", () => {
  for (const [text, months, days, ms] of [
    ["P1M", 1, 0, 0],
    ["P1Y2M", 14, 0, 0],
    ["P2W", 0, 14, 0],
    ["P1M14D", 1, 14, 0],
    ["PT24H", 0, 0, 86_400_000],
    ["PT5M", 0, 0, 300_000],
    ["PT9.333S", 0, 0, 9_333],
    ["P1Y2M3W4DT5H6M7.891S", 14, 25, 18_367_891],
  ] as const)
    test(`${text} is ${months} months, ${days} days and ${ms} ms`, () =>
      assert.deepEqual(spanOf(text), { months, days, ms }));

  for (const [text, fault] of [
    ["", /empty/],
    ["P", /not an ISO 8601 duration/],
    ["PT", /not an ISO 8601 duration/],
    ["P1", /not an ISO 8601 duration/],
    ["P1DT", /not an ISO 8601 duration/],
    ["P1D1M", /not an ISO 8601 duration/],
    ["P0D", /nothing/],
    ["PT0.000S", /nothing/],
    ["-P1D", /minus/],
    ["+P1D", /plus/],
    ["p1d", /small letters/],
    ["P5S", /lacks the T/],
    ["P2H", /lacks the T/],
    ["P1.5M", /fraction/],
    ["PT1.5H", /fraction/],
    ["PT1,5S", /comma/],
    ["PT1.2345S", /millisecond/],
    ["1M", /begin with P/],
    ["14", /begin with P/],
    ["P11Y", /ten years/],
    ["P999999999D", /ten years/],
    ["P1D\n", /not an ISO 8601 duration/],
  ] as const)
    test(`${JSON.stringify(text)} is refused with the reason`, () => {
      const parsed = parseDuration(text);
      assert.equal(parsed.kind, "fault");
      assert.match(parsed.kind === "fault" ? parsed.fault : "", fault);
    });

  test("an offset needs its minus, and only one", () => {
    assert.deepEqual(offsetSpan("-P14D"), { months: 0, days: 14, ms: 0 });
    for (const text of ["P14D", "--P14D", "-14D", "-P0D", "- P14D"])
      assert.equal(parseOffset(text).kind, "fault", text);
  });

  test("a span that is written is read again as itself, and never written in minutes", () =>
    fc.assert(
      fc.property(
        fc
          .record({ months: fc.nat(120), days: fc.nat(3_660), ms: fc.nat(10 ** 9) })
          .filter((it) => it.months + it.days + it.ms > 0),
        (span) => {
          assert.deepEqual(spanOf(formatDuration(span)), { ...span });
          assert.doesNotMatch(formatDuration(span), /T.*M/);
        },
      ),
    ));

  test("elapsed time takes a day for 24 hours and refuses months", () => {
    assert.equal(elapsedMs("P1DT1S"), 86_401_000);
    assert.throws(() => elapsedMs("P1M"), RangeError);
    assert.throws(() => elapsedMs("nonsense"), RangeError);
  });
});
