import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { dayOf, releaseInstant } from "../../src/domain/calendar.ts";
import { CATEGORIES } from "../../src/domain/category.ts";
import { CHANGE_STATUSES } from "../../src/domain/change.ts";
import { hasTime, offsetSpan } from "../../src/domain/duration.ts";
import type { PlannedNotice } from "../../src/domain/notice.ts";
import { type PlanInput, planNotices } from "../../src/domain/plan.ts";
import { compressPolicy, DEFAULT_POLICY, type Policy, readPolicy } from "../../src/domain/policy.ts";
import { clock, instant, zone } from "../support/calendar-arbitraries.ts";
import { announcedAs, revisedTo } from "../support/changes.ts";

const offsets = fc
  .uniqueArray(
    fc.oneof(
      fc.integer({ min: 1, max: 40 }).map((days) => `-P${days}D`),
      fc.integer({ min: 1, max: 6 }).map((months) => `-P${months}M`),
      fc.integer({ min: 1, max: 400_000 }).map((seconds) => `-PT${seconds}S`),
    ),
    { maxLength: 8 },
  )
  .chain((list) => fc.boolean().map((announced) => (announced ? ["announcement", ...list] : list)));

const policy: fc.Arbitrary<Policy> = fc
  .record({ timeZone: zone, sendAt: clock, onRelease: fc.boolean(), notices: offsets, compressed: fc.boolean() })
  .map(({ notices, compressed, ...over }) => {
    const read = readPolicy({ ...over, categories: { major: { notices } } });
    assert.ok("policy" in read, JSON.stringify(read));
    return compressed ? compressPolicy(read.policy, 86_400_000) : read.policy;
  });

const release = instant.chain((at) => fc.constantFrom(at.toISOString(), at.toISOString().slice(0, 10)));

const parts = fc.record({
  category: fc.constantFrom(...CATEGORIES),
  critical: fc.boolean(),
  status: fc.constantFrom(...CHANGE_STATUSES),
  title: fc.constantFrom("One", "Two"),
});

/** First and later revisions of every kind, accepted from a year before the release to a month after it. */
const input: fc.Arbitrary<PlanInput> = fc
  .record({
    after: parts,
    before: fc.option(parts),
    releaseAt: release,
    formerReleaseAt: fc.option(release),
    leadMs: fc.integer({ min: -30 * 86_400_000, max: 365 * 86_400_000 }),
    minor: fc.boolean(),
    policy,
  })
  .map(({ after, before, releaseAt, formerReleaseAt, leadMs, minor, policy }) => {
    const acceptedAt = new Date(releaseInstant(releaseAt, policy.timeZone).getTime() - leadMs).toISOString();
    return before === null
      ? announcedAs({ ...after, releaseAt, dateSince: acceptedAt }, { acceptedAt, minor, policy })
      : revisedTo(
          { ...after, releaseAt },
          { ...before, releaseAt: formerReleaseAt ?? releaseAt },
          { acceptedAt, minor, policy },
        );
  });

const always = (holds: (notices: PlannedNotice[], given: PlanInput) => void, numRuns = 400): void => {
  fc.assert(
    fc.property(input, (given) => holds(planNotices(given).notices, given)),
    { numRuns },
  );
};

const isWholeDay = ({ offset }: PlannedNotice): boolean => offset !== null && !hasTime(offsetSpan(offset));

suite("whatever a revision is", () => {
  test("planning twice plans the same, with ids that are told apart", () =>
    always((notices, given) => {
      assert.deepEqual(planNotices(structuredClone(given)).notices, notices);
      assert.equal(new Set(notices.map(({ id }) => id)).size, notices.length);
    }));

  test("every planned reminder lies after the acceptance and before the release", () =>
    always((notices, { change, acceptedAt, policy }) => {
      const released = releaseInstant(change.fields.releaseAt ?? "", policy.timeZone).toISOString();
      for (const { kind, status, dueAt } of notices)
        if (kind === "reminder" && status === "planned") assert.ok(acceptedAt < dueAt && dueAt < released);
    }));

  test("at most one whole-day reminder is left on a day, and none beside a notice that tells everyone", () =>
    always((notices, { acceptedAt, policy }) => {
      const days = notices
        .filter((notice) => notice.status === "planned" && isWholeDay(notice))
        .map(({ dueAt }) => dayOf(dueAt, policy.timeZone));
      assert.equal(new Set(days).size, days.length);
      const now = notices.filter(({ kind, dueAt }) => kind !== "reminder" && dueAt === acceptedAt);
      const everyone = ["told", "untold"].every((wanted) =>
        now.some(({ audience }) => audience === wanted || audience === "all"),
      );
      if (everyone) assert.ok(!days.includes(dayOf(acceptedAt, policy.timeZone)));
    }));

  test("what is folded is said by a planned notice that is no later, unless it has passed and nothing goes out now", () =>
    always((notices, { acceptedAt }) => {
      for (const folded of notices.filter(({ status }) => status === "folded")) {
        const by = notices.find(({ id }) => id === folded.foldedInto);
        assert.equal(folded.kind, "reminder");
        if (folded.foldedInto === null) {
          assert.ok(folded.dueAt <= acceptedAt);
          assert.ok(!notices.some(({ dueAt, kind }) => kind !== "reminder" && dueAt === acceptedAt));
        } else {
          assert.equal(by?.status, "planned");
          assert.ok(by !== undefined && (by.dueAt <= folded.dueAt || by.dueAt === acceptedAt));
        }
      }
    }));

  test("an exact offset folds only when it has passed", () =>
    always((notices, { acceptedAt }) => {
      for (const notice of notices)
        if (notice.offset !== null && !isWholeDay(notice))
          assert.equal(notice.status, notice.dueAt <= acceptedAt ? "folded" : "planned");
    }));

  test("every offset of the policy is in the plan or none is, and notices come in the order of their time", () =>
    always((notices, { change, policy }) => {
      const reminders = notices.flatMap(({ offset }) => offset ?? []);
      const { category } = change.fields;
      const demand = policy.categories[category === "major" && change.critical ? "majorCritical" : category];
      if (reminders.length > 0)
        assert.deepEqual(reminders.toSorted(), demand.notices.filter((entry) => entry !== "announcement").toSorted());
      const times = notices.map(({ dueAt }) => dueAt);
      assert.deepEqual(times, times.toSorted());
    }));

  test("a normal change plans nothing, save the one word that it has become normal", () =>
    always((notices, { change, previous }) => {
      if (change.fields.category !== "normal") return;
      assert.ok(notices.length <= 1);
      for (const { kind, audience } of notices) {
        assert.ok(previous !== null && previous.fields.category !== "normal");
        assert.ok((kind === "reclassified" || kind === "cancelled") && audience === "told");
      }
    }));

  test("nobody is told twice at once", () =>
    always((notices, { acceptedAt }) => {
      const audiences = notices
        .filter((it) => it.status === "planned" && it.dueAt === acceptedAt)
        .map((it) => it.audience);
      assert.equal(new Set(audiences).size, audiences.length);
      if (audiences.includes("all")) assert.equal(audiences.length, 1);
    }));

  test("emergencies travel on the urgent lane, and nothing else does", () =>
    always((notices, { change }) => {
      for (const { lane } of notices) assert.equal(lane === "urgent", change.fields.category === "emergency");
    }));
});

test("the default policy's plan does not depend on the host's zone", () => {
  const plan = planNotices(announcedAs({ critical: true }, { policy: DEFAULT_POLICY }));
  assert.deepEqual(
    plan.notices.map(({ dueAt }) => dueAt),
    [
      "2026-11-22T10:00:00.000Z",
      "2026-12-31T08:00:00.000Z",
      "2027-01-31T08:00:00.000Z",
      "2027-02-28T08:00:00.000Z",
      "2027-03-17T08:00:00.000Z",
      "2027-03-24T08:00:00.000Z",
      "2027-03-30T07:00:00.000Z",
    ],
  );
});
