import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import {
  beforeRelease,
  dayOf,
  parseReleaseAt,
  releaseDay,
  releaseInstant,
  shiftInstant,
  zoneName,
} from "../../src/domain/calendar.ts";
import { offsetSpan } from "../../src/domain/duration.ts";
import { day, instant, zone } from "../support/calendar-arbitraries.ts";

const paris = { timeZone: "Europe/Paris", sendAt: "09:00" };

suite("releases", () => {
  for (const [what, releaseAt, zone, utc] of [
    ["00:00 in winter", "2027-03-01", "Europe/Paris", "2027-02-28T23:00:00Z"],
    ["00:00 in summer", "2027-07-01", "Europe/Paris", "2027-06-30T22:00:00Z"],
    ["01:00 where midnight is skipped", "2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"],
    ["01:00 where midnight is skipped", "2027-04-30", "Africa/Cairo", "2027-04-29T22:00:00Z"],
    ["the earlier 00:00 where it is repeated", "2027-11-07", "America/Havana", "2027-11-07T04:00:00Z"],
    ["00:30 where the clocks jump there from 23:30", "1919-03-31", "America/Toronto", "1919-03-31T04:30:00Z"],
    ["00:00 of the next day where a whole day is skipped", "2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"],
    ["the given instant", "2027-03-01T08:00:00.000Z", "Europe/Paris", "2027-03-01T08:00:00Z"],
  ] as const)
    test(`${releaseAt} in ${zone} is ${what}`, () => assert.deepEqual(releaseInstant(releaseAt, zone), new Date(utc)));

  test("a date is the first instant of its day, anywhere", () =>
    fc.assert(
      fc.property(day, zone, (date, timeZone) => {
        const expected = Temporal.PlainDate.from(date).toZonedDateTime(timeZone).epochMilliseconds;
        assert.equal(releaseInstant(date, timeZone).getTime(), expected);
        assert.equal(releaseDay(date, timeZone), date);
        assert.equal(dayOf(releaseInstant(date, timeZone), timeZone), date);
      }),
      { numRuns: 300 },
    ));

  for (const [releaseAt, offset, utc] of [
    ["2027-03-31", "-P1M", "2027-02-28T08:00:00Z"],
    ["2028-03-31", "-P1M", "2028-02-29T08:00:00Z"],
    ["2027-05-31", "-P3M", "2027-02-28T08:00:00Z"],
    ["2027-04-03", "-P7D", "2027-03-27T08:00:00Z"],
    ["2027-04-03", "-P1D", "2027-04-02T07:00:00Z"],
    ["2027-03-01", "-PT10S", "2027-02-28T22:59:50Z"],
    ["2027-03-28", "-PT24H", "2027-03-26T23:00:00Z"],
    ["2027-03-29", "-PT24H", "2027-03-27T22:00:00Z"],
    ["2027-03-29", "-P1DT1H", "2027-03-27T22:00:00Z"],
    ["2027-02-28T23:30:00.000Z", "-P1D", "2027-02-28T08:00:00Z"],
    ["2027-02-28T22:30:00.000Z", "-P1D", "2027-02-27T08:00:00Z"],
    ["2027-03-01T08:00:00.000Z", "-PT1.5S", "2027-03-01T07:59:58.500Z"],
  ] as const)
    test(`the ${offset} notice of a release at ${releaseAt} is due ${utc}`, () =>
      assert.deepEqual(beforeRelease(releaseAt, paris)(offsetSpan(offset)), new Date(utc)));

  test("a month later by the clock keeps the wall clock and its seconds", () =>
    assert.deepEqual(
      shiftInstant(new Date("2027-02-28T10:20:30.456Z"), { months: 1, days: 0, ms: 0 }, 1, "Europe/Paris"),
      new Date("2027-03-28T09:20:30.456Z"),
    ));
});

suite("what a release date may be", () => {
  for (const [text, value] of [
    ["2027-03-01", "2027-03-01"],
    ["2028-02-29", "2028-02-29"],
    ["2027-03-01T09:00:00+01:00", "2027-03-01T08:00:00.000Z"],
    ["2027-03-01t09:00:00.5z", "2027-03-01T09:00:00.500Z"],
    ["2027-03-01T09:00:00.123999999-08:00", "2027-03-01T17:00:00.123Z"],
    ["2027-03-01T00:00:00+14:00", "2027-02-28T10:00:00.000Z"],
    ["2027-03-01T09:00:00-00:00", "2027-03-01T09:00:00.000Z"],
  ] as const)
    test(`${text} is kept as ${value}`, () => assert.deepEqual(parseReleaseAt(text), { ok: true, value }));

  for (const [text, problem] of [
    ["2027-02-30", /no calendar has/],
    ["2027-02-29", /no calendar has/],
    ["2027-13-01", /no calendar has/],
    ["2027-00-10", /no calendar has/],
    ["2027-02-30T09:00:00Z", /no calendar has/],
    ["2027-03-01T09:00:00", /no offset/],
    ["2027-03-01 09:00", /no offset/],
    ["2027-03-01T09:00Z", /no seconds/],
    ["2027-03-01T24:00:00Z", /00:00:00 of the next day/],
    ["2027-06-30T23:59:60Z", /leap second/],
    ["2027-03-01T25:00:00Z", /not a time of day/],
    ["2027-03-01T09:60:00Z", /not a time of day/],
    ["2027-03-01T09:00:61Z", /not a time of day/],
    ["2027-03-01T09:00:00+15:00", /no zone has/],
    ["2027-03-01T09:00:00+01:75", /no zone has/],
    ["1999-12-31", /years 2000 to 2100/],
    ["2101-01-01", /years 2000 to 2100/],
    ["2000-01-01T00:00:00+01:00", /years 2000 to 2100/],
    ["20270301", /neither a date nor a time/],
    ["2027-3-1", /neither a date nor a time/],
    ["2027-W09", /neither a date nor a time/],
    ["Summer '23", /neither a date nor a time/],
    ["tomorrow", /neither a date nor a time/],
    [" 2027-03-01", /neither a date nor a time/],
    ["2027-03-01\n", /neither a date nor a time/],
    ["", /neither a date nor a time/],
  ] as const)
    test(`${JSON.stringify(text)} is refused with the reason`, () => {
      const read = parseReleaseAt(text);
      assert.ok(!read.ok);
      assert.match(read.problem, problem);
    });

  test("no text makes it throw, and what is accepted is accepted again unchanged", () =>
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          instant.map((at) => at.toISOString()),
          day,
        ),
        (text) => {
          const read = parseReleaseAt(text);
          if (read.ok) assert.deepEqual(parseReleaseAt(read.value), read);
        },
      ),
    ));

  for (const zone of ["Europe/Paris", "Europe/Kyiv", "Asia/Kolkata", "UTC", "GMT", "Pacific/Kiritimati", "Etc/GMT+5"])
    test(`${zone} is a zone, and stays as it is given`, () => assert.equal(zoneName(zone), zone));

  for (const [abbreviation, region] of [
    ["AET", "Australia/Sydney"],
    ["CET", "Europe/Brussels"],
    ["PST", "America/Los_Angeles"],
    ["GB", "Europe/London"],
    ["utc", "UTC"],
  ] as const)
    test(`${abbreviation} is kept as ${region}`, () => assert.equal(zoneName(abbreviation), region));

  for (const zone of ["Mars/Olympus", "+02:00", "Foo/Bar+05", "", "Europe/Paris ", "GMT+2"])
    test(`${JSON.stringify(zone)} is no zone`, () => assert.equal(zoneName(zone), null));
});
