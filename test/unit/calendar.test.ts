import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { addCalendar, dayOf, daysBetween, monthsBetween, wallClock } from "../../src/domain/calendar.ts";
import { calendarDuration, clock, day, instant, zone } from "../support/calendar-arbitraries.ts";

suite("calendar days", () => {
  for (const [from, duration, to] of [
    ["2027-01-29", "P1M", "2027-02-28"],
    ["2027-01-31", "P1M", "2027-02-28"],
    ["2028-01-31", "P1M", "2028-02-29"],
    ["2028-02-29", "P1Y", "2029-02-28"],
    ["2027-02-28", "P1M", "2027-03-28"],
    ["2026-11-30", "P3M", "2027-02-28"],
    ["2027-12-31", "P2M", "2028-02-29"],
    ["2027-01-31", "P1M1D", "2027-03-01"],
    ["2026-12-25", "P2W", "2027-01-08"],
    ["2027-03-20", "P14D", "2027-04-03"],
  ] as const)
    test(`${duration} after ${from} is ${to}`, () => assert.equal(addCalendar(from, duration), to));

  for (const [from, duration, to] of [
    ["2027-03-31", "P1M", "2027-02-28"],
    ["2028-03-31", "P1M", "2028-02-29"],
    ["2027-05-31", "P3M", "2027-02-28"],
    ["2027-01-01", "P1D", "2026-12-31"],
    ["2028-03-01", "P1D", "2028-02-29"],
    ["2027-01-15", "P2M", "2026-11-15"],
  ] as const)
    test(`${duration} before ${from} is ${to}`, () => assert.equal(addCalendar(from, duration, -1), to));

  test("a month back and a month forward need not return", () =>
    assert.equal(addCalendar(addCalendar("2027-03-31", "P1M", -1), "P1M"), "2027-03-28"));

  for (const [from, to, months, days] of [
    ["2027-01-31", "2027-02-28", 1, 28],
    ["2027-01-31", "2027-02-27", 0, 27],
    ["2028-01-31", "2028-02-28", 0, 28],
    ["2026-12-01", "2027-01-01", 1, 31],
    ["2026-12-01", "2026-12-31", 0, 30],
    ["2026-08-14", "2026-12-04", 3, 112],
    ["2024-10-15", "2025-10-15", 12, 365],
    ["2027-02-28", "2027-02-28", 0, 0],
    ["2027-03-01", "2027-02-28", 0, -1],
    ["2027-03-31", "2027-02-28", -1, -31],
  ] as const)
    test(`from ${from} to ${to} it is ${months} months and ${days} days`, () => {
      assert.equal(monthsBetween(from, to), months);
      assert.equal(daysBetween(from, to), days);
    });

  test("whole months are the most that counting forward fits in", () =>
    fc.assert(
      fc.property(day, day, (a, b) => {
        const [from, to] = a < b ? [a, b] : [b, a];
        const forward = (months: number) => Temporal.PlainDate.from(from).add({ months }).toString();
        const months = monthsBetween(from, to);
        assert.ok(forward(months) <= to && to < forward(months + 1));
        assert.equal(monthsBetween(to, from), 0 - months);
      }),
    ));

  test("every duration lands on the day that Temporal counts to, forward and back", () =>
    fc.assert(
      fc.property(day, calendarDuration, (from, duration) => {
        const start = Temporal.PlainDate.from(from);
        assert.equal(addCalendar(from, duration), start.add(duration).toString());
        assert.equal(addCalendar(from, duration, -1), start.subtract(duration).toString());
        assert.equal(daysBetween(from, addCalendar(from, duration)), start.until(start.add(duration)).days);
      }),
    ));
});

suite("wall clocks", () => {
  test("a seven-day reminder keeps 09:00 when the clocks go forward", () =>
    assert.deepEqual(wallClock("2027-04-03", "-P7D", "09:00", "Europe/Amsterdam"), new Date("2027-03-27T08:00:00Z")));

  test("a seven-day reminder keeps 09:00 when the clocks go back", () =>
    assert.deepEqual(wallClock("2027-11-03", "-P7D", "09:00", "Europe/Paris"), new Date("2027-10-27T07:00:00Z")));

  for (const [what, day, at, zone, utc] of [
    ["a skipped 02:30 moves on by the skipped hour", "2027-03-28", "02:30", "Europe/Paris", "2027-03-28T01:30:00Z"],
    ["a repeated 02:30 takes the earlier", "2027-10-31", "02:30", "Europe/Paris", "2027-10-31T00:30:00Z"],
    ["a repeated 01:30 takes the earlier", "2027-11-07", "01:30", "America/Los_Angeles", "2027-11-07T08:30:00Z"],
    ["half an hour is skipped", "2027-10-03", "02:15", "Australia/Lord_Howe", "2027-10-02T15:45:00Z"],
    ["a day that an island never had moves to the next", "2011-12-30", "09:00", "Pacific/Apia", "2011-12-30T19:00:00Z"],
    ["the first zone of the day", "2027-01-01", "09:00", "Pacific/Kiritimati", "2026-12-31T19:00:00Z"],
    ["the last zone of the day", "2027-01-01", "09:00", "Pacific/Pago_Pago", "2027-01-01T20:00:00Z"],
  ] as const)
    test(`${what}: ${at} on ${day} in ${zone}`, () =>
      assert.deepEqual(wallClock(addCalendar(day, "P1D"), "-P1D", at, zone), new Date(utc)));

  test("any wall clock anywhere is the instant that Temporal finds", () =>
    fc.assert(
      fc.property(day, calendarDuration, clock, zone, (from, duration, at, timeZone) => {
        const expected = Temporal.PlainDate.from(from)
          .subtract(duration)
          .toPlainDateTime(at)
          .toZonedDateTime(timeZone, { disambiguation: "compatible" });
        assert.equal(wallClock(from, `-${duration}`, at, timeZone).getTime(), expected.epochMilliseconds);
      }),
      { numRuns: 300 },
    ));

  test("the hours around every clock change of two years are those that Temporal finds", () => {
    for (const timeZone of [
      "Europe/Paris",
      "America/Los_Angeles",
      "America/Havana",
      "Africa/Cairo",
      "Australia/Lord_Howe",
    ])
      for (
        let next = Temporal.ZonedDateTime.from(`2026-01-01T00:00[${timeZone}]`).getTimeZoneTransition("next");
        next !== null && next.year < 2028;
        next = next.getTimeZoneTransition("next")
      )
        for (let minutes = -180; minutes <= 180; minutes += 15) {
          const local = next.toPlainDateTime().add({ minutes });
          const day = local.toPlainDate();
          const found = wallClock(day.add("P1D").toString(), "-P1D", local.toString().slice(11, 16), timeZone);
          assert.equal(
            found.getTime(),
            local.toZonedDateTime(timeZone).epochMilliseconds,
            `${local.toString()} in ${timeZone}`,
          );
        }
  });

  test("an instant falls on the day that clocks in its zone show", () =>
    fc.assert(
      fc.property(instant, zone, (at, timeZone) => {
        const expected = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
        assert.equal(dayOf(at, timeZone), expected.toPlainDate().toString());
        assert.equal(dayOf(at.toISOString(), timeZone), expected.toPlainDate().toString());
      }),
      { numRuns: 300 },
    ));

  test("one instant falls on three days between Kiritimati, Paris and Pago Pago", () =>
    assert.deepEqual(
      ["Pacific/Kiritimati", "Europe/Paris", "Pacific/Pago_Pago"].map((zone) => dayOf("2027-03-01T10:30:00Z", zone)),
      ["2027-03-02", "2027-03-01", "2027-02-28"],
    ));
});
