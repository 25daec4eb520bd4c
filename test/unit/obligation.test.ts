import assert from "node:assert/strict";
import { test } from "node:test";
import { type Duty, dutyOf, highestRung, obligationOf, type PartnerFacts } from "../../src/domain/obligation.ts";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { changeOf } from "../support/changes.ts";

/** Business critical, three months ahead, announced on 28 September for 28 January. */
const DUTY: Duty = {
  status: "announced",
  releaseAt: "2027-01-28",
  dateSince: "2026-09-28T08:00:00.000Z",
  demand: "P3M",
  speaks: true,
  zone: "Europe/Paris",
};
const FACTS: PartnerFacts = {
  toldAt: null,
  joinedAt: "2025-01-01T00:00:00.000Z",
  leftAt: null,
  subscribed: true,
  unreachable: null,
  missed: null,
  waived: false,
};

const NOW = "2026-10-01T10:00:00.000Z";
const LATE = "2026-12-01T10:00:00.000Z";

/** Counted by hand on a calendar: [what, duty, facts, now] → [obligation, days, months, reason]. */
const TABLE: readonly [
  string,
  Partial<Duty>,
  Partial<PartnerFacts>,
  string,
  readonly [string, number | null, number | null, string | null],
][] = [
  // 28 October + 3 months = 28 January: the last day that keeps it. October has 3 days left, then 30, 31 and 28.
  ["told on the last day", {}, { toldAt: "2026-10-28T10:00:00.000Z" }, LATE, ["met", 92, 3, null]],
  ["told a day later", {}, { toldAt: "2026-10-29T10:00:00.000Z" }, LATE, ["breached", 91, 2, "told too late"]],
  // On that day Paris is an hour ahead of UTC: midnight is 23:00.
  ["told late on the last evening", {}, { toldAt: "2026-10-28T22:30:00.000Z" }, LATE, ["met", 92, 3, null]],
  [
    "told after midnight in Paris",
    {},
    { toldAt: "2026-10-28T23:30:00.000Z" },
    LATE,
    ["breached", 91, 2, "told too late"],
  ],
  [
    "told too late, and waived",
    {},
    { toldAt: "2026-10-29T10:00:00.000Z", waived: true },
    LATE,
    ["waived", 91, 2, "told too late"],
  ],
  ["told in time, and waived", {}, { toldAt: "2026-10-01T10:00:00.000Z", waived: true }, LATE, ["met", 119, 3, null]],
  [
    "told after the release",
    {},
    { toldAt: "2027-02-01T10:00:00.000Z" },
    "2027-02-02T00:00:00.000Z",
    ["breached", -4, 0, "told too late"],
  ],

  ["not told, and there is time", {}, {}, NOW, ["pending", null, null, "not told yet"]],
  ["not told on the last day", {}, {}, "2026-10-28T22:59:59.000Z", ["pending", null, null, "not told yet"]],
  ["not told the day after", {}, {}, "2026-10-28T23:00:00.000Z", ["breached", null, null, "not told"]],
  ["not told, and waived", {}, { waived: true }, LATE, ["waived", null, null, "not told"]],
  ["not told, waived early", {}, { waived: true }, NOW, ["pending", null, null, "not told yet"]],
  ["refused", {}, { missed: "retries-used-up" }, NOW, ["pending", null, null, "retries-used-up"]],
  ["refused for too long", {}, { missed: "bounced" }, LATE, ["breached", null, null, "bounced"]],
  [
    "every endpoint dead",
    {},
    { unreachable: ["bounced", "unsubscribed"], missed: "bounced" },
    LATE,
    ["breached", null, null, "unreachable: bounced, unsubscribed"],
  ],
  ["no endpoint", {}, { unreachable: [] }, NOW, ["pending", null, null, "unreachable"]],
  [
    "told, then unreachable",
    {},
    { toldAt: "2026-10-01T10:00:00.000Z", unreachable: ["bounced"] },
    LATE,
    ["met", 119, 3, null],
  ],

  // Joined after the announcement: in time for three months, or too late for anybody to keep them.
  [
    "joined in time, told",
    {},
    { joinedAt: "2026-10-10T00:00:00.000Z", toldAt: "2026-10-10T00:01:00.000Z" },
    LATE,
    ["met", 110, 3, "joined late"],
  ],
  [
    "joined in time, told too late",
    {},
    { joinedAt: "2026-10-10T00:00:00.000Z", toldAt: "2026-11-10T00:00:00.000Z" },
    LATE,
    ["breached", 79, 2, "told too late"],
  ],
  [
    "joined too late, told",
    {},
    { joinedAt: "2026-12-01T00:00:00.000Z", toldAt: "2026-12-01T00:01:00.000Z" },
    LATE,
    ["met", 58, 1, "joined late"],
  ],
  [
    "joined too late, not told yet",
    {},
    { joinedAt: "2026-12-01T00:00:00.000Z" },
    LATE,
    ["pending", null, null, "joined late"],
  ],
  [
    "joined too late, never told",
    {},
    { joinedAt: "2026-12-01T00:00:00.000Z" },
    "2027-01-28T00:00:00.000Z",
    ["breached", null, null, "joined late"],
  ],
  [
    "joined too late, told after the release",
    {},
    { joinedAt: "2026-12-01T00:00:00.000Z", toldAt: "2027-01-28T08:00:00.000Z" },
    "2027-01-29T00:00:00.000Z",
    ["breached", 0, 0, "told too late"],
  ],

  // Joined before an announcement that came too late for everyone: that is the announcement's fault.
  [
    "joined shortly before a late announcement",
    { dateSince: "2026-12-10T08:00:00.000Z" },
    { joinedAt: "2026-12-01T00:00:00.000Z", toldAt: "2026-12-10T09:00:00.000Z" },
    "2026-12-11T00:00:00.000Z",
    ["breached", 49, 1, "told too late"],
  ],
  [
    "left untold in time",
    {},
    { leftAt: "2026-10-02T00:00:00.000Z", subscribed: false },
    LATE,
    ["met", null, null, "left"],
  ],
  [
    "left untold too late",
    {},
    { leftAt: "2026-11-02T00:00:00.000Z", subscribed: false },
    LATE,
    ["breached", null, null, "left"],
  ],
  [
    "left after it was told",
    {},
    { leftAt: "2026-11-02T00:00:00.000Z", subscribed: false, toldAt: "2026-10-01T10:00:00.000Z" },
    LATE,
    ["met", 119, 3, null],
  ],
  ["no longer subscribed", {}, { subscribed: false }, NOW, ["met", null, null, "no longer subscribed"]],

  // No minimum: an emergency must be told before its release.
  ["emergency, told", { demand: undefined, releaseAt: "2026-10-02" }, { toldAt: NOW }, NOW, ["met", 1, 0, null]],
  [
    "emergency, told too late",
    { demand: undefined, releaseAt: "2026-10-01" },
    { toldAt: NOW },
    NOW,
    ["breached", 0, 0, "told too late"],
  ],
  [
    "emergency, untold before",
    { demand: undefined, releaseAt: "2026-10-02" },
    {},
    "2026-10-01T21:59:00.000Z",
    ["pending", null, null, "not told yet"],
  ],
  [
    "emergency, untold after",
    { demand: undefined, releaseAt: "2026-10-02" },
    {},
    "2026-10-01T22:00:00.000Z",
    ["breached", null, null, "not told"],
  ],
  ["undated", { releaseAt: undefined }, {}, NOW, ["pending", null, null, "not told yet"]],
  ["cancelled", { status: "cancelled" }, {}, LATE, ["met", null, null, "cancelled"]],
  [
    "a category without notices",
    { speaks: false, demand: undefined },
    {},
    LATE,
    ["met", null, null, "no notice demanded"],
  ],
  // A minimum with a time part is exact.
  [
    "ten seconds, kept",
    { demand: "PT10S", releaseAt: "2026-10-01T10:00:10.000Z" },
    { toldAt: NOW },
    NOW,
    ["met", 0, 0, null],
  ],
  [
    "ten seconds, missed",
    { demand: "PT10S", releaseAt: "2026-10-01T10:00:09.999Z" },
    { toldAt: NOW },
    NOW,
    ["breached", 0, 0, "told too late"],
  ],
];

test("what each partner is owed agrees with a calendar counted by hand", () => {
  for (const [what, duty, facts, now, [obligation, noticeDays, noticeMonths, reason]] of TABLE)
    assert.deepEqual(
      obligationOf({ ...DUTY, ...duty }, { ...FACTS, ...facts }, now),
      { obligation, noticeDays, noticeMonths, reason },
      what,
    );
});

test("a release before its date counts from when it was, one after it from its date", () => {
  const change = changeOf({ releaseAt: "2027-03-31", critical: true });
  const released = (releasedAt: string) => dutyOf(change, DEFAULT_POLICY, { status: "released", releasedAt }).releaseAt;
  assert.equal(released("2027-03-01T10:00:00.000Z"), "2027-03-01T10:00:00.000Z");
  assert.equal(released("2027-04-02T10:00:00.000Z"), "2027-03-31");
  assert.deepEqual(dutyOf(change, DEFAULT_POLICY, { status: "announced", releasedAt: null }), {
    status: "announced",
    releaseAt: "2027-03-31",
    dateSince: change.dateSince,
    demand: "P3M",
    speaks: true,
    zone: "Europe/Paris",
  });
});

test("the highest rung is reported", () => {
  assert.equal(highestRung(["accepted", "delivered"]), "delivered");
  assert.equal(highestRung(["acknowledged", "accepted"]), "acknowledged");
  assert.equal(highestRung([]), null);
});
