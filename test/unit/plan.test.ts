import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { planNotices } from "../../src/domain/plan.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/domain/policy.ts";
import { announcedAs, changeOf, inShort, revisedTo } from "../support/changes.ts";

const shortly = (input: Parameters<typeof planNotices>[0]): string[] => inShort(planNotices(input).notices);

const withMajor = (notices: string[], over: Partial<Policy> = {}): Policy => ({
  ...DEFAULT_POLICY,
  ...over,
  categories: { ...DEFAULT_POLICY.categories, major: { minimumNotice: "P1M", notices } },
});

suite("a first revision", () => {
  test("of a major change is announced now and reminded of at 09:00 in the policy's zone", () =>
    assert.deepEqual(
      planNotices(announcedAs()).notices.map(({ id, dueAt, lane, audience, status }) => [
        id,
        dueAt,
        lane,
        audience,
        status,
      ]),
      [
        ["CHG-1042.r1.announcement", "2026-11-22T10:00:00.000Z", "routine", "all", "planned"],
        ["CHG-1042.r1.reminder-P1M", "2027-02-28T08:00:00.000Z", "routine", "all", "planned"],
        ["CHG-1042.r1.reminder-P14D", "2027-03-17T08:00:00.000Z", "routine", "all", "planned"],
        ["CHG-1042.r1.reminder-P7D", "2027-03-24T08:00:00.000Z", "routine", "all", "planned"],
        ["CHG-1042.r1.reminder-P1D", "2027-03-30T07:00:00.000Z", "routine", "all", "planned"],
      ],
    ));

  test("of a business-critical change is reminded of from three months ahead", () =>
    assert.deepEqual(
      planNotices(announcedAs({ critical: true })).notices.map(({ offset, dueAt }) => [offset, dueAt.slice(0, 10)]),
      [
        [null, "2026-11-22"],
        ["-P3M", "2026-12-31"],
        ["-P2M", "2027-01-31"],
        ["-P1M", "2027-02-28"],
        ["-P14D", "2027-03-17"],
        ["-P7D", "2027-03-24"],
        ["-P1D", "2027-03-30"],
      ],
    ));

  test("of a normal change tells nobody, dated or not", () => {
    const dated = planNotices(announcedAs({ category: "normal" }));
    assert.deepEqual([dated.notices, dated.verdict.status], [[], "none"]);
    const { releaseAt: _, ...undated } = changeOf({ category: "normal" }).fields;
    const plan = planNotices(announcedAs({}, { change: { ...changeOf(), fields: undated } }));
    assert.deepEqual([plan.notices, plan.verdict.noticeDays], [[], null]);
  });

  test("of an emergency goes out at once on the urgent lane, with a reminder the day before", () =>
    assert.deepEqual(
      planNotices(announcedAs({ category: "emergency", releaseAt: "2026-11-25" })).notices.map(
        ({ id, dueAt, lane }) => [id, dueAt, lane],
      ),
      [
        ["CHG-1042.r1.announcement", "2026-11-22T10:00:00.000Z", "urgent"],
        ["CHG-1042.r1.reminder-P1D", "2026-11-24T08:00:00.000Z", "urgent"],
      ],
    ));

  test("of an emergency released tomorrow folds its reminder into the announcement", () =>
    assert.deepEqual(shortly(announcedAs({ category: "emergency", releaseAt: "2026-11-23" })), [
      "(reminder-P1D)",
      "announcement all",
    ]));

  test("after the release is announced at once, every reminder folded, and short", () => {
    const plan = planNotices(announcedAs({ releaseAt: "2026-11-20" }));
    assert.deepEqual(inShort(plan.notices), [
      "(reminder-P1M)",
      "(reminder-P14D)",
      "(reminder-P7D)",
      "(reminder-P1D)",
      "announcement all",
    ]);
    assert.ok(plan.notices.slice(0, 4).every(({ foldedInto }) => foldedInto === "CHG-1042.r1.announcement"));
    assert.deepEqual([plan.verdict.status, plan.verdict.noticeDays], ["short", -2]);
  });

  test("that was already cancelled when it came tells nobody", () =>
    assert.deepEqual(shortly(announcedAs({ status: "cancelled" })), []));

  test("that was already released when it came is announced, without reminders", () =>
    assert.deepEqual(shortly(announcedAs({ status: "released" })), ["announcement all"]));
});

suite("folding", () => {
  test("a reminder of the day of the announcement folds into it, before 09:00 as after", () => {
    for (const hour of ["05", "10"]) {
      const plan = planNotices(announcedAs({}, { acceptedAt: `2027-03-17T${hour}:00:00.000Z` }));
      const reminder = plan.notices.find(({ offset }) => offset === "-P14D");
      assert.deepEqual([reminder?.status, reminder?.foldedInto], ["folded", "CHG-1042.r1.announcement"]);
    }
  });

  test("a reminder of the next day in the policy's zone does not, though it is the same day in UTC", () => {
    const policy = withMajor(["announcement", "-P1D"], { sendAt: "00:30" });
    const plan = planNotices(announcedAs({}, { policy, acceptedAt: "2027-03-29T12:00:00.000Z" }));
    assert.deepEqual(inShort(plan.notices), ["announcement all", "reminder-P1D"]);
    assert.equal(plan.notices[1]?.dueAt, "2027-03-29T22:30:00.000Z");
  });

  test("of two reminders on one day the first listed stays", () => {
    const { notices } = planNotices(announcedAs({}, { policy: withMajor(["announcement", "-P31D", "-P1M"]) }));
    assert.deepEqual(inShort(notices), ["announcement all", "reminder-P31D", "(reminder-P1M)"]);
    assert.equal(notices[2]?.foldedInto, "CHG-1042.r1.reminder-P31D");
  });

  test("a whole-day reminder folds into an earlier exact one of its day, and never into a later", () => {
    assert.deepEqual(shortly(announcedAs({}, { policy: withMajor(["announcement", "-P1D", "-PT20H"]) })), [
      "announcement all",
      "reminder-PT20H",
      "(reminder-P1D)",
    ]);
    assert.deepEqual(shortly(announcedAs({}, { policy: withMajor(["announcement", "-P1D", "-PT2H"]) })), [
      "announcement all",
      "reminder-P1D",
      "reminder-PT2H",
    ]);
  });

  test("exact offsets never fold for the day, only when they have passed", () => {
    const policy = withMajor(["announcement", "-PT60S", "-PT40S", "-PT20S"]);
    const releaseAt = "2026-11-22T10:00:50.000Z";
    const { notices } = planNotices(announcedAs({ releaseAt }, { policy }));
    assert.deepEqual(
      notices.map(({ offset, dueAt, status }) => [offset, dueAt, status]),
      [
        ["-PT60S", "2026-11-22T09:59:50.000Z", "folded"],
        [null, "2026-11-22T10:00:00.000Z", "planned"],
        ["-PT40S", "2026-11-22T10:00:10.000Z", "planned"],
        ["-PT20S", "2026-11-22T10:00:30.000Z", "planned"],
      ],
    );
  });

  test("a reminder due at the very instant of acceptance has passed, and a millisecond later it has not", () => {
    const policy = withMajor(["announcement", "-PT10H"]);
    const at = (acceptedAt: string) => shortly(announcedAs({}, { policy, acceptedAt })).toSorted();
    assert.deepEqual(at("2027-03-30T12:00:00.000Z"), ["(reminder-PT10H)", "announcement all"]);
    assert.deepEqual(at("2027-03-30T11:59:59.999Z"), ["announcement all", "reminder-PT10H"]);
  });

  test("without an announcement in the policy, reminders that have passed fold into nothing", () => {
    const policy = withMajor(["-P14D", "-P1D"]);
    const { notices } = planNotices(announcedAs({}, { policy, acceptedAt: "2027-03-20T10:00:00.000Z" }));
    assert.deepEqual(inShort(notices), ["(reminder-P14D)", "reminder-P1D"]);
    assert.equal(notices[0]?.foldedInto, null);
  });
});

suite("the word that a change is released", () => {
  const policy = { ...DEFAULT_POLICY, onRelease: true };

  test("is planned for the release date where the policy wants it, for those who were told", () => {
    const notice = planNotices(announcedAs({}, { policy })).notices.at(-1);
    assert.deepEqual(
      [notice?.id, notice?.dueAt, notice?.audience],
      ["CHG-1042.r1.released", "2027-03-30T22:00:00.000Z", "told"],
    );
  });

  test("goes out at once when the event comes earlier, and not twice when it comes after", () => {
    assert.deepEqual(shortly(revisedTo({ status: "released" }, {}, { policy })), ["released told"]);
    const late = revisedTo({ status: "released" }, {}, { policy, acceptedAt: "2027-04-02T10:00:00.000Z" });
    assert.deepEqual(planNotices(late).notices, []);
  });

  test("is not planned for a date that has passed, nor for a normal change", () => {
    assert.ok(!shortly(announcedAs({ releaseAt: "2026-11-20" }, { policy })).includes("released told"));
    assert.deepEqual(shortly(announcedAs({ category: "normal" }, { policy })), []);
  });
});

suite("the verdict of a revision", () => {
  const verdict = (input: Parameters<typeof planNotices>[0]) => planNotices(input).verdict;

  test("counts from when the present date was first announced", () => {
    const later = { acceptedAt: "2027-03-20T10:00:00.000Z" };
    assert.equal(verdict(revisedTo({ summary: "New" }, {}, later)).status, "met");
    assert.equal(
      verdict(revisedTo({ dateSince: "2027-03-20T10:00:00.000Z", releaseAt: "2027-04-15" }, {}, later)).shortByDays,
      5,
    );
  });

  test("of a change reclassified up counts from its first announcement, against the greater minimum", () =>
    assert.deepEqual(verdict(revisedTo({ critical: true, businessCritical: true }, { releaseAt: "2027-02-20" })), {
      status: "short",
      minimum: "P3M",
      noticeDays: 90,
      noticeMonths: 2,
      shortByDays: 2,
      earliestRelease: "2027-02-22",
    }));

  test("of a change that was normal counts from this revision, because nobody was told before", () => {
    const raised = verdict(revisedTo({ category: "major" }, { category: "normal", releaseAt: "2027-02-14" }));
    assert.deepEqual([raised.status, raised.shortByDays, raised.earliestRelease], ["short", 1, "2027-02-15"]);
  });

  test("of an emergency or a cancelled change is none", () => {
    assert.equal(verdict(announcedAs({ category: "emergency", releaseAt: "2026-11-23" })).status, "none");
    assert.equal(verdict(revisedTo({ status: "cancelled" }, {})).minimum, null);
  });
});
