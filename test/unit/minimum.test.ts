import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addCalendar } from "../../src/domain/calendar.ts";
import type { Change } from "../../src/domain/change.ts";
import { attentionAt, lastLawfulDay, nextAttention } from "../../src/domain/minimum.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { judge } from "../../src/domain/verdict.ts";
import { calendarDuration, day } from "../support/calendar-arbitraries.ts";

const ACCEPTED_AT = "2026-11-23T10:00:00.000Z";
const policy = { ...DEFAULT_POLICY, timeZone: "Europe/Paris" };

const attention = (
  releaseAt: string | undefined,
  over: Partial<Change> = {},
  acceptedAt: string = ACCEPTED_AT,
): string | null => {
  const change: Change = {
    change: "CHG-1",
    revision: 1,
    status: "announced",
    fields: { category: "major", service: "api", title: "x", ...(releaseAt === undefined ? {} : { releaseAt }) },
    stamps: {},
    critical: false,
    dateSince: ACCEPTED_AT,
    firstAcceptedAt: ACCEPTED_AT,
    ...over,
  };
  const demand = "P1M";
  const verdict = judge({ toldAt: change.dateSince, releaseAt, demand, zone: policy.timeZone, waived: false });
  return attentionAt(change, { policy, verdict, acceptedAt });
};

test("the last lawful day is counted so that the minimum, counted forward from it, ends by the release", () => {
  assert.equal(lastLawfulDay("2027-03-31", "P1M"), "2027-02-28");
  assert.equal(lastLawfulDay("2027-03-01", "P1M"), "2027-02-01");
  assert.equal(lastLawfulDay("2027-02-28", "P1M"), "2027-01-31");
  assert.equal(lastLawfulDay("2027-03-01", "P1M14D"), "2027-01-15");
});

test("the last lawful day keeps the minimum, and the day after it does not", () =>
  fc.assert(
    fc.property(day, calendarDuration, (release, minimum) => {
      const last = lastLawfulDay(release, minimum);
      assert.ok(addCalendar(last, minimum) <= release);
      assert.ok(addCalendar(addCalendar(last, "P1D"), minimum) > release);
    }),
  ));

test("a minimum wants attention from the first instant of the day before its last one, in the policy's zone", () => {
  assert.equal(attention("2027-03-31"), "2027-02-26T23:00:00.000Z");
  // Half past midnight of the same day there.
  assert.equal(attention("2027-03-30T22:30:00.000Z"), "2027-02-26T23:00:00.000Z");
  // Across the change to summer time.
  assert.equal(attention("2027-05-01"), "2027-03-30T22:00:00.000Z");
});

test("one that was announced too late wants it at once, and nothing else does", () => {
  assert.equal(attention("2026-12-01"), ACCEPTED_AT);
  assert.equal(attention("2026-11-16"), ACCEPTED_AT);
  assert.equal(attention("2026-11-16", { status: "released" }), ACCEPTED_AT, "it was amended before anybody looked");
  assert.equal(attention("2026-11-16", { status: "recorded" }), null);
  assert.equal(attention(undefined), null);
  assert.equal(attention("2027-03-31", { status: "cancelled" }), null);
  assert.equal(attention("2027-03-31", { status: "recorded" }), null);
});

test("a word that is new on its last days has an hour to go out, and after them nothing can lapse", () => {
  const lateOn = (day: string): string => `${day}T22:30:00.000Z`;
  const of = (acceptedAt: string): string | null => attention("2027-03-31", { dateSince: acceptedAt }, acceptedAt);
  assert.equal(
    of("2027-02-26T22:30:00.000Z"),
    "2027-02-26T23:30:00.000Z",
    "it was still the day before the day before",
  );
  assert.equal(of("2027-02-28T10:00:00.000Z"), "2027-02-28T11:00:00.000Z");
  assert.equal(of(lateOn("2027-02-28")), "2027-02-28T23:30:00.000Z", "its last day is over by then");
  const amended = { dateSince: ACCEPTED_AT };
  assert.equal(attention("2027-03-31", amended, "2027-03-01T10:00:00.000Z"), null, "who joins later was told in time");
});

test("a minimum is looked at again on its last day, and each hour while nobody can be told", () => {
  const last = "2027-02-28";
  const next = (now: string, nobody = false): string | null => nextAttention(last, { now, nobody, policy });
  assert.equal(next("2027-02-26T23:00:20.000Z"), "2027-02-27T23:00:00.000Z");
  assert.equal(next("2027-02-27T23:00:20.000Z"), null);
  assert.equal(next("2027-03-01T10:00:00.000Z"), null);
  assert.equal(next("2027-02-28T10:00:00.000Z", true), "2027-02-28T11:00:00.000Z");
  assert.equal(next("2027-02-28T23:00:00.000Z", true), null);
});
