import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { addCalendar, dayOf } from "../../src/domain/calendar.ts";
import { compareRelease, countForward, judge } from "../../src/domain/verdict.ts";
import { calendarDuration, instant, zone } from "../support/calendar-arbitraries.ts";

const inParis = (toldAt: string, releaseAt: string | undefined, demand: string | undefined, waived = false) =>
  judge({ toldAt, releaseAt, demand, zone: "Europe/Paris", waived });

suite("verdicts counted by hand", () => {
  for (const [what, told, releaseAt, demand, status, days, months, short, earliest] of [
    ["exactly one month", "2026-11-22", "2026-12-22", "P1M", "met", 30, 1, 0, "2026-12-22"],
    ["one day short of one month", "2026-11-22", "2026-12-21", "P1M", "short", 29, 0, 1, "2026-12-22"],
    ["exactly three months", "2026-10-28", "2027-01-28", "P3M", "met", 92, 3, 0, "2027-01-28"],
    ["one day short of three", "2026-10-28", "2027-01-27", "P3M", "short", 91, 2, 1, "2027-01-28"],
    ["31 January and a month", "2027-01-31", "2027-02-28", "P1M", "met", 28, 1, 0, "2027-02-28"],
    ["31 January, a day too few", "2027-01-31", "2027-02-27", "P1M", "short", 27, 0, 1, "2027-02-28"],
    ["28 days are a month only from the last", "2027-02-01", "2027-02-28", "P1M", "short", 27, 0, 1, "2027-03-01"],
    ["30 days are no month", "2026-12-01", "2026-12-31", "P1M", "short", 30, 0, 1, "2027-01-01"],
    ["leap day and a month", "2028-01-31", "2028-02-28", "P1M", "short", 28, 0, 1, "2028-02-29"],
    ["leap day and a year", "2028-02-29", "2029-02-28", "P1Y", "met", 365, 12, 0, "2029-02-28"],
    ["backwards it would be met: 31 Mar − 1 M", "2027-03-01", "2027-03-31", "P1M", "short", 30, 0, 1, "2027-04-01"],
    ["the same day", "2027-03-01", "2027-03-01", "P1M", "short", 0, 0, 31, "2027-04-01"],
    ["told after the release", "2027-03-10", "2027-03-01", "P1M", "short", -9, 0, 40, "2027-04-10"],
    ["told two months after", "2027-05-01", "2027-03-01", "P14D", "short", -61, -2, 75, "2027-05-15"],
    ["fourteen days", "2027-03-20", "2027-04-03", "P14D", "met", 14, 0, 0, "2027-04-03"],
  ] as const)
    test(`${what}: told ${told} of ${releaseAt} under ${demand} is ${status}`, () =>
      assert.deepEqual(inParis(`${told}T10:00:00.000Z`, releaseAt, demand), {
        status,
        minimum: demand,
        noticeDays: days,
        noticeMonths: months,
        shortByDays: short,
        earliestRelease: earliest,
      }));

  test("the policy's zone decides which day it is", () => {
    assert.equal(inParis("2026-11-22T23:30:00Z", "2026-12-22", "P1M").shortByDays, 1);
    const pagoPago = { toldAt: "2026-11-22T23:30:00Z", demand: "P1M", zone: "Pacific/Pago_Pago", waived: false };
    assert.equal(judge({ ...pagoPago, releaseAt: "2026-12-22" }).status, "met");
  });

  test("a release with a time counts by its day in the zone", () => {
    assert.equal(inParis("2026-11-22T10:00:00Z", "2026-12-21T23:00:00.000Z", "P1M").status, "met");
    assert.equal(inParis("2026-11-22T10:00:00Z", "2026-12-21T22:59:59.999Z", "P1M").shortByDays, 1);
  });

  test("where nothing is demanded there is no verdict, yet the lead is counted", () =>
    assert.deepEqual(inParis("2026-11-22T10:00:00Z", "2026-12-25", undefined), {
      status: "none",
      minimum: null,
      noticeDays: 33,
      noticeMonths: 1,
      shortByDays: 0,
      earliestRelease: null,
    }));

  test("without a release date there is nothing to judge, yet the earliest is known", () =>
    assert.deepEqual(inParis("2026-11-22T10:00:00Z", undefined, "P1M"), {
      status: "none",
      minimum: "P1M",
      noticeDays: null,
      noticeMonths: null,
      shortByDays: 0,
      earliestRelease: "2026-12-22",
    }));

  test("a waiver clears a short notice and hides no figure", () =>
    assert.deepEqual(inParis("2026-10-28T10:00:00Z", "2027-01-27", "P3M", true), {
      ...inParis("2026-10-28T10:00:00Z", "2027-01-27", "P3M"),
      status: "waived",
    }));

  test("a waiver of a minimum that is met says nothing", () =>
    assert.equal(inParis("2026-10-28T10:00:00Z", "2027-01-28", "P3M", true).status, "met"));
});

suite("minimums with a time part", () => {
  for (const [what, releaseAt, demand, status, short, earliest] of [
    ["to the second", "2027-03-01T10:00:20.000Z", "PT20S", "met", 0, "2027-03-01T10:00:20.000Z"],
    ["a millisecond short is a day", "2027-03-01T10:00:19.999Z", "PT20S", "short", 1, "2027-03-01T10:00:20.000Z"],
    ["a day and a bit short is two", "2027-03-02T09:59:59.000Z", "PT48H", "short", 2, "2027-03-03T10:00:00.000Z"],
    ["a whole day short is one", "2027-03-02T10:00:00.000Z", "PT48H", "short", 1, "2027-03-03T10:00:00.000Z"],
    ["days by the clock, then exact", "2027-03-28T10:00:00.000Z", "P27DT1H", "met", 0, "2027-03-28T10:00:00.000Z"],
    ["against a date", "2027-03-02", "PT13H", "met", 0, "2027-03-01T23:00:00.000Z"],
    ["against a date, short", "2027-03-02", "PT13H1S", "short", 1, "2027-03-01T23:00:01.000Z"],
  ] as const)
    test(`${what}: ${demand} before ${releaseAt} is ${status}`, () => {
      const verdict = inParis("2027-03-01T10:00:00Z", releaseAt, demand);
      assert.deepEqual([verdict.status, verdict.shortByDays, verdict.earliestRelease], [status, short, earliest]);
    });
});

suite("counting forward", () => {
  test("never counts back: the earliest release is met and the day before is one short, anywhere", () =>
    fc.assert(
      fc.property(instant, calendarDuration, zone, (at, demand, timeZone) => {
        const told = { toldAt: at.toISOString(), demand, zone: timeZone, waived: false };
        const earliest = Temporal.PlainDate.from(dayOf(at, timeZone)).add(demand).toString();
        const met = judge({ ...told, releaseAt: earliest });
        assert.deepEqual([met.status, met.shortByDays, met.earliestRelease], ["met", 0, earliest]);
        const short = judge({ ...told, releaseAt: addCalendar(earliest, "P1D", -1) });
        assert.deepEqual([short.status, short.shortByDays, short.earliestRelease], ["short", 1, earliest]);
      }),
      { numRuns: 300 },
    ));

  test("adding the days that are missing makes it met, and one fewer does not", () =>
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: 10 ** 10 }), fc.nat(10 ** 10), zone, (at, ms, lead, timeZone) => {
        const told = { toldAt: at.toISOString(), demand: `PT${ms / 1_000}S`, zone: timeZone, waived: false };
        const release = Temporal.Instant.fromEpochMilliseconds(at.getTime() + lead).toZonedDateTimeISO(timeZone);
        const later = (days: number) => release.add({ days }).toInstant().toString({ fractionalSecondDigits: 3 });
        const { shortByDays } = judge({ ...told, releaseAt: later(0) });
        assert.equal(judge({ ...told, releaseAt: later(shortByDays) }).status, "met");
        if (shortByDays > 0) assert.equal(judge({ ...told, releaseAt: later(shortByDays - 1) }).status, "short");
      }),
      { numRuns: 200 },
    ));

  test("a bound of days is compared by days and one with a time part by instants", () => {
    const day = countForward("2027-03-01T10:00:00Z", "P14D", "Europe/Paris");
    assert.equal(day, "2027-03-15");
    assert.ok(compareRelease("2027-03-15T22:30:00.000Z", day, "Europe/Paris") === 0);
    assert.ok(compareRelease("2027-03-15T23:30:00.000Z", day, "Europe/Paris") > 0);
    const time = countForward("2027-03-01T10:00:00Z", "PT10S", "Europe/Paris");
    assert.ok(compareRelease("2027-03-01T10:00:10.001Z", time, "Europe/Paris") > 0);
    assert.ok(compareRelease("2027-03-01T10:00:09.999Z", time, "Europe/Paris") < 0);
  });
});
