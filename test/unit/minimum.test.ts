import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../../src/domain/change.ts";
import { attentionAt, lastLawfulDay } from "../../src/domain/minimum.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { judge } from "../../src/domain/verdict.ts";

const ACCEPTED_AT = "2026-11-23T10:00:00.000Z";
const policy = { ...DEFAULT_POLICY, timeZone: "Europe/Paris" };

const attention = (releaseAt: string | undefined, over: Partial<Change> = {}): string | null => {
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
  const verdict = judge({ toldAt: ACCEPTED_AT, releaseAt, demand, zone: policy.timeZone, waived: false });
  return attentionAt(change, { policy, verdict, acceptedAt: ACCEPTED_AT });
};

test("the last lawful day is counted so that the minimum, counted forward from it, ends by the release", () => {
  assert.equal(lastLawfulDay("2027-03-31", "P1M"), "2027-02-28");
  assert.equal(lastLawfulDay("2027-03-01", "P1M"), "2027-02-01");
  assert.equal(lastLawfulDay("2027-02-28", "P1M"), "2027-01-31");
});

test("a minimum wants attention from the first instant of the day before its last one, in the policy's zone", () => {
  assert.equal(attention("2027-03-31"), "2027-02-26T23:00:00.000Z");
  // Half past midnight of the same day there.
  assert.equal(attention("2027-03-30T22:30:00.000Z"), "2027-02-26T23:00:00.000Z");
  // Across the change to summer time.
  assert.equal(attention("2027-05-01"), "2027-03-30T22:00:00.000Z");
});

test("one that was announced too late wants it at once, and nothing else does", () => {
  assert.equal(attention("2026-12-01"), ACCEPTED_AT);
  assert.equal(attention(undefined), null);
  assert.equal(attention("2027-03-31", { status: "cancelled" }), null);
  assert.equal(attention("2027-03-31", { status: "recorded" }), null);
});
