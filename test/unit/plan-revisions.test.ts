import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { planNotices } from "../../src/domain/plan.ts";
import { inShort, revisedTo } from "../support/changes.ts";

suite("a later revision", () => {
  const REMINDERS = ["reminder-P1M", "reminder-P14D", "reminder-P7D", "reminder-P1D"];

  const TABLE: readonly [string, ReturnType<typeof revisedTo>, string[], string][] = [
    [
      "postponed",
      revisedTo({ releaseAt: "2027-04-15" }, {}),
      ["rescheduled told", "announcement untold", ...REMINDERS],
      "all",
    ],
    [
      "brought forward",
      revisedTo({ releaseAt: "2027-03-01" }, {}),
      ["rescheduled told", "announcement untold", ...REMINDERS],
      "all",
    ],
    [
      "moved, called minor",
      revisedTo({ releaseAt: "2027-04-15" }, {}, { minor: true }),
      ["rescheduled told", "announcement untold", ...REMINDERS],
      "all",
    ],
    [
      "moved ahead again after its release",
      revisedTo({ status: "announced", releaseAt: "2027-04-15" }, { status: "released", releaseAt: "2027-01-10" }),
      ["rescheduled told", "announcement untold", ...REMINDERS],
      "all",
    ],
    [
      "its date put right after it was released",
      revisedTo({ releaseAt: "2027-04-15" }, { status: "released" }),
      ["rescheduled told", "announcement untold"],
      "all",
    ],
    ["amended", revisedTo({ summary: "New" }, {}), ["amended told", "announcement untold", ...REMINDERS], "all"],
    [
      "a link removed",
      revisedTo({ links: [] }, { links: [{ rel: "docs", href: "https://x.test" }] }),
      ["amended told", "announcement untold", ...REMINDERS],
      "all",
    ],
    [
      "a typo fixed",
      revisedTo({ title: "IDs become UUID" }, {}, { minor: true }),
      ["announcement untold", ...REMINDERS],
      "ahead-and-announcements",
    ],
    [
      "an older event that changed nothing",
      revisedTo({}, {}),
      ["announcement untold", ...REMINDERS],
      "ahead-and-announcements",
    ],
    ["to normal", revisedTo({ category: "normal" }, {}), ["reclassified told"], "all"],
    [
      "to normal and moved",
      revisedTo({ category: "normal", releaseAt: "2027-05-01" }, {}),
      ["reclassified told"],
      "all",
    ],
    [
      "to emergency",
      revisedTo({ category: "emergency", releaseAt: "2027-03-31" }, {}),
      ["reclassified told", "announcement untold", "reminder-P1D"],
      "all",
    ],
    [
      "to emergency and brought forward",
      revisedTo({ category: "emergency", releaseAt: "2027-01-20" }, {}),
      ["rescheduled told", "announcement untold", "reminder-P1D"],
      "all",
    ],
    [
      "from normal to major",
      revisedTo({ category: "major" }, { category: "normal" }),
      ["announcement untold", "reclassified told", ...REMINDERS],
      "all",
    ],
    [
      "emergency to major",
      revisedTo({ category: "major" }, { category: "emergency" }),
      ["reclassified told", "announcement untold", ...REMINDERS],
      "all",
    ],
    [
      "became business critical",
      revisedTo({ businessCritical: true, critical: true }, { businessCritical: false }),
      ["amended told", "announcement untold", "(reminder-P3M)", "reminder-P2M", ...REMINDERS],
      "all",
    ],
    ["cancelled", revisedTo({ status: "cancelled" }, {}), ["cancelled told"], "all"],
    ["edited after it was cancelled", revisedTo({ summary: "New" }, { status: "cancelled" }), [], "ahead"],
    ["released", revisedTo({ status: "released" }, {}), [], "ahead"],
    [
      "amended after its release",
      revisedTo({ summary: "New" }, { status: "released" }),
      ["amended told", "announcement untold"],
      "all",
    ],
    ["normal, edited", revisedTo({ summary: "New" }, { category: "normal" }), [], "ahead"],
    ["normal, moved", revisedTo({ releaseAt: "2027-05-01" }, { category: "normal" }), [], "ahead"],
    ["normal, cancelled", revisedTo({ status: "cancelled" }, { category: "normal" }), [], "ahead"],
    ["normal, released", revisedTo({ status: "released" }, { category: "normal" }), [], "ahead"],
  ];

  for (const [what, input, notices, supersedes] of TABLE)
    test(`${what}: ${notices.filter((notice) => !notice.includes("reminder")).join(" and ") || "nobody is told at once"}`, () => {
      const plan = planNotices(input);
      assert.deepEqual(inShort(plan.notices).toSorted(), notices.toSorted());
      assert.equal(plan.supersedes, supersedes);
    });

  test("carries its number in every id, so that it replaces the older ones", () =>
    assert.deepEqual(
      planNotices(revisedTo({ releaseAt: "2027-04-15" }, { revision: 2 })).notices.map(({ id }) => id),
      [
        "CHG-1042.r3.rescheduled",
        "CHG-1042.r3.announcement",
        "CHG-1042.r3.reminder-P1M",
        "CHG-1042.r3.reminder-P14D",
        "CHG-1042.r3.reminder-P7D",
        "CHG-1042.r3.reminder-P1D",
      ],
    ));

  test("counts every offset anew from the new date", () =>
    assert.deepEqual(
      planNotices(revisedTo({ releaseAt: "2027-04-30" }, {}))
        .notices.filter(({ kind }) => kind === "reminder")
        .map(({ dueAt }) => dueAt),
      ["2027-03-30T07:00:00.000Z", "2027-04-16T07:00:00.000Z", "2027-04-23T07:00:00.000Z", "2027-04-29T07:00:00.000Z"],
    ));

  test("that moves the date folds what has passed into the word of the move", () => {
    const plan = planNotices(revisedTo({ releaseAt: "2027-01-22" }, {}));
    assert.deepEqual(
      plan.notices.filter(({ status }) => status === "folded").map(({ offset, foldedInto }) => [offset, foldedInto]),
      [
        ["-P1M", "CHG-1042.r2.rescheduled"],
        ["-P14D", "CHG-1042.r2.rescheduled"],
        ["-P7D", "CHG-1042.r2.rescheduled"],
      ],
    );
  });

  test("a typo fixed in the morning does not swallow the reminder of that day", () => {
    const plan = planNotices(
      revisedTo({ title: "IDs become UUID" }, {}, { minor: true, acceptedAt: "2027-03-17T06:00:00.000Z" }),
    );
    assert.deepEqual(inShort(plan.notices), [
      "(reminder-P1M)",
      "announcement untold",
      "reminder-P14D",
      "reminder-P7D",
      "reminder-P1D",
    ]);
  });
});
