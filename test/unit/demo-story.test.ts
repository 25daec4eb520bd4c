import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type RealChange, storyOf, type Tempo } from "../../src/demo/story.ts";
import { offsetWords, whenWords } from "../../src/demo/tempo-words.ts";

const { changes } = JSON.parse(readFileSync(new URL("../../sample/real-changes.json", import.meta.url), "utf8")) as {
  changes: RealChange[];
};
const services = (
  JSON.parse(readFileSync(new URL("../../sample/services.json", import.meta.url), "utf8")) as { service: string }[]
).map(({ service }) => service);
const real = (id: string): RealChange => {
  const found = changes.find((change) => change.id === id);
  assert.ok(found, id);
  return found;
};

const calendar: Tempo = { kind: "calendar", timeZone: "Europe/Paris" };
const compressed: Tempo = { kind: "compressed", monthMs: 20_000 };
/** Already the 23rd in Paris. */
const now = new Date("2026-11-22T23:30:00Z");
const releases = (id: string, tempo: Tempo): unknown[] =>
  storyOf(real(id), { now, tempo }).scenes.map(({ fields }) => fields["releaseAt"]);

test("a change keeps its real lead time in whole days, counted from today in the policy's zone", () => {
  // 2020-11-23 to 2020-12-28 is 35 days.
  assert.deepEqual(releases("pipedrive-users-two", calendar), ["2026-12-28"]);
  // 2021-03-16 to 2021-09-01 is 169 days, to 2022-02-08 it is 329.
  assert.deepEqual(releases("withings-oauth2-token", calendar), ["2027-05-11", "2027-10-18"]);
  assert.deepEqual(releases("zendesk-user-export", calendar), ["2026-11-23"]);
});

test("without a day of announcement the note's day counts, and without that 92 days", () => {
  // 2018-10-02 to 2018-11-30 is 59 days.
  assert.deepEqual(releases("withings-nokia-hosts", calendar), ["2027-01-21"]);
  assert.deepEqual(releases("google-fitbit-web-api", calendar), ["2027-02-23", "2027-03-25", "2027-03-28"]);
});

test("a compressed month shortens the lead time by the same measure as the policy", () => {
  assert.deepEqual(releases("pipedrive-users-two", compressed), [new Date(now.getTime() + 23_333).toISOString()]);
  const [, moved] = storyOf(real("pipedrive-permsets"), { now, tempo: compressed }).scenes;
  // Postponed on day 15 of 18.
  assert.equal(moved?.afterMs, 10_000);
});

test("a season is sent as it is, to be refused, and is never moved", () => {
  const story = storyOf(real("salesforce-21-30"), { now, tempo: calendar });
  assert.equal(story.expects, "refused");
  assert.deepEqual(
    story.scenes.map(({ fields }) => fields["releaseAt"]),
    ["Summer '23"],
  );
});

test("every change belongs to a service of the sample, and no move is older than its announcement", () => {
  for (const change of changes) {
    const story = storyOf(change, { now, tempo: compressed });
    assert.ok(services.includes(story.service), story.service);
    for (const scene of story.scenes.slice(1)) assert.ok(scene.afterMs > 0 && scene.reason, change.id);
  }
});

test("offsets read the same in both tempi", () => {
  for (const [offset, short, words] of [
    ["-P3M", "-PT1M", "−3 months"],
    ["-P1M", "-PT20S", "−1 month"],
    ["-P14D", "-PT9.333S", "−14 days"],
    ["-P1D", "-PT0.667S", "−1 day"],
  ] as const) {
    assert.equal(offsetWords(offset, calendar), words);
    assert.equal(offsetWords(short, compressed), words);
  }
});

test("a date is told in the policy's zone, and its year only when it is another one", () => {
  const frame = { tempo: calendar, origin: now };
  assert.equal(whenWords("2026-12-28", frame), "28 Dec");
  assert.equal(whenWords("2027-01-31T23:30:00Z", frame), "1 Feb 27");
  assert.equal(whenWords("2026-11-22T23:30:52.700Z", { tempo: compressed, origin: now }), "+52.7 s");
});
