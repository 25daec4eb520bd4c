import assert from "node:assert/strict";
import { test } from "node:test";
import { diagnose, type HealthReport, reportsOf, type Sign } from "../../src/domain/endpoint-health.ts";

const DAY_MS = 24 * 3_600_000;
const now = new Date("2027-03-10T09:00:00Z");
const daysAgo = (days: number): Date => new Date(now.getTime() - days * DAY_MS);
const facts = { now, disableAfter: "P5D" } as const;

const WAITING = {
  status: "waiting",
  reason: null,
  counted: true,
  error: "503: the receiver failed",
  endpoint: null,
} as const;
const SETTLEMENTS = {
  sent: { status: "sent", reason: null, counted: true, error: null, endpoint: null },
  retry: WAITING,
  exhausted: { ...WAITING, status: "failed", reason: "retries-used-up" },
  gone: {
    ...WAITING,
    status: "failed",
    reason: "refused",
    error: "410: the receiver wants no more",
    endpoint: "disabled",
  },
  unreachable: { ...WAITING, reason: "relay-unreachable", counted: false },
  resting: { ...WAITING, reason: "host-resting", counted: false, error: null },
  skipped: { ...WAITING, status: "skipped", reason: "overtaken", counted: false, error: null },
  suppressed: { ...WAITING, status: "suppressed", reason: "address-not-allowed" },
} as const satisfies Record<string, Sign["settlement"]>;

const signs = (...names: (keyof typeof SETTLEMENTS)[]): Sign[] =>
  names.map((name) => ({ endpoint: 7, settlement: SETTLEMENTS[name] }));
const report = (...names: (keyof typeof SETTLEMENTS)[]): HealthReport => {
  const [only] = reportsOf(signs(...names));
  assert.ok(only);
  return only;
};

test("only attempts that the partner's side could see say anything of its health", () => {
  assert.deepEqual(reportsOf(signs("unreachable", "resting", "skipped", "suppressed")), []);
});

test("a success wipes out the failures before it and none after it", () => {
  assert.deepEqual(
    [report("exhausted", "sent"), report("exhausted", "sent", "retry")].map((it) => [
      it.recovered,
      it.failed,
      it.exhausted,
    ]),
    [
      [true, false, 0],
      [true, true, 0],
    ],
  );
});

test("endpoints are reported by number, whatever order they were settled in", () => {
  const mixed = [9, 2, 5, 2].map((endpoint) => ({ endpoint, settlement: SETTLEMENTS.retry }));
  assert.deepEqual(
    reportsOf(mixed).map((it) => it.endpoint),
    [2, 5, 9],
  );
});

/** Failing since so many days, with so many deliveries in a row that used up their retries; then this batch. */
const CASES: [title: string, days: number | null, exhausted: number, batch: HealthReport, disable: string | null][] = [
  ["a first failure", null, 0, report("retry"), null],
  ["one delivery used up after six days", 6, 0, report("exhausted"), null],
  ["the second used up after six days", 6, 1, report("exhausted"), "exhausted"],
  ["the second used up after five days to the millisecond", 5, 1, report("exhausted"), "exhausted"],
  ["the second used up after four days", 4, 1, report("exhausted"), null],
  ["two used up earlier, and another failure once the five days are over", 6, 2, report("retry"), "exhausted"],
  ["two in one batch", 6, 0, report("exhausted", "exhausted"), "exhausted"],
  ["a success between the two", 6, 1, report("sent", "exhausted"), null],
  ["a success after the two", 6, 1, report("exhausted", "sent"), null],
  ["410 from a healthy endpoint", null, 0, report("gone"), "gone"],
];

for (const [title, days, exhausted, batch, disable] of CASES)
  test(`${title}: ${disable === null ? "stays active" : `disabled, ${disable}`}`, () => {
    const health = { failingSince: days === null ? null : daysAgo(days), exhausted };
    assert.equal(diagnose(health, batch, facts).disable, disable);
  });

test("a failure keeps the time of the first one, and a success forgets it", () => {
  const failing = { failingSince: daysAgo(3), exhausted: 1 };
  assert.deepEqual(diagnose(failing, report("retry"), facts).failingSince, daysAgo(3));
  assert.deepEqual(diagnose(failing, report("sent"), facts), { failingSince: null, exhausted: 0, disable: null });
  assert.deepEqual(diagnose({ failingSince: null, exhausted: 0 }, report("retry"), facts).failingSince, now);
});
