import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChangeStatus } from "../../src/domain/change.ts";
import type { ChangeEvent } from "../../src/domain/event.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { brokenByItself, brokenRules } from "../../src/domain/rules.ts";
import { changeOf } from "../support/changes.ts";

const acceptedAt = "2027-03-30T10:00:00.000Z";

const event = (more: Partial<ChangeEvent>): ChangeEvent => ({
  source: "/s",
  id: "1",
  time: null,
  kind: "updated",
  change: "CHG-1042",
  fields: {},
  reason: null,
  minor: false,
  releasedAt: null,
  ...more,
});

const rules = (more: Partial<ChangeEvent>, parts: Parameters<typeof changeOf>[0], previous: ChangeStatus | null) =>
  brokenRules({
    change: changeOf({ revision: 2, ...parts }),
    previous: previous && { status: previous },
    differs: {},
    event: event(more),
    policy: DEFAULT_POLICY,
    acceptedAt,
  });

test("a change without a date is told by its category what to give", () => {
  const undated = changeOf({ category: "emergency" });
  delete undated.fields.releaseAt;
  const [fault] = brokenRules({
    change: undated,
    previous: null,
    differs: {},
    event: event({ kind: "created" }),
    policy: DEFAULT_POLICY,
    acceptedAt,
  });
  assert.equal(
    `${fault?.path} ${fault?.message}`,
    "releaseAt is missing; emergency changes are announced for a date: give releaseAt as 2027-03-01 or 2027-03-01T09:00:00+01:00",
  );
});

test("only a released event that would follow a cancellation is refused", () => {
  const paths = (...facts: Parameters<typeof rules>) => rules(...facts).map(({ path }) => path);
  assert.deepEqual(paths({ kind: "released" }, { status: "released" }, "cancelled"), ["change"]);
  assert.deepEqual(paths({ kind: "released" }, { status: "cancelled" }, "cancelled"), [], "an older one is outdated");
  assert.deepEqual(paths({ kind: "released" }, { status: "released" }, "announced"), []);
  assert.deepEqual(paths({ kind: "cancelled" }, { status: "cancelled" }, "released"), []);
  assert.deepEqual(paths({ kind: "updated" }, { status: "cancelled" }, "cancelled"), []);
});

for (const [releasedAt, isRefused] of [
  ["2027-03-31T10:00:00.000Z", false],
  ["2027-03-31T10:00:00.001Z", true],
  // Midnight in Paris, in the policy's zone.
  ["2027-03-31", false],
  ["2027-04-01", true],
  ["2026-01-01", false],
  [null, false],
] as const)
  test(`released at ${releasedAt ?? "no time that it names"} is ${isRefused ? "refused" : "taken"}`, () =>
    assert.deepEqual(
      brokenByItself({ event: event({ kind: "released", releasedAt }), policy: DEFAULT_POLICY, acceptedAt }).map(
        ({ path }) => path,
      ),
      isRefused ? ["releasedAt"] : [],
    ));
