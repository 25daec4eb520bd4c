import assert from "node:assert/strict";
import { test } from "node:test";
import { readEvent } from "../../src/domain/event.ts";

const created = (data: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): Record<string, unknown> => ({
  specversion: "1.0",
  id: "1",
  source: "/billing",
  type: "forewarn.change.created",
  data: {
    change: "CHG-1",
    category: "major",
    service: "billing",
    title: "Tokens expire",
    releaseAt: "2027-03-01",
    ...data,
  },
  ...rest,
});

const faultsOf = (envelope: unknown): Record<string, string> => {
  const read = readEvent(envelope);
  return "faults" in read ? Object.fromEntries(read.faults.map((fault) => [fault.path, fault.message])) : {};
};

test("a sound event is read into its fields; a time becomes UTC and a date stays a date", () => {
  const read = readEvent(created({ testFrom: "2027-02-01T09:00:00+01:00" }, { time: "2027-01-01T10:00:00+02:00" }));
  assert.ok("event" in read);
  assert.equal(read.event.kind, "created");
  assert.equal(read.event.time, "2027-01-01T08:00:00.000Z");
  assert.equal(read.event.fields.releaseAt, "2027-03-01");
  assert.equal(read.event.fields.testFrom, "2027-02-01T08:00:00.000Z");
});

/** What is wrong, the path that names it, and a word of the remedy. */
const REFUSED: readonly [string, unknown, string, RegExp][] = [
  ["a title that is absent", created({ title: undefined }), "title", /^is missing; give one line/],
  ["a title that is a number", created({ title: 7 }), "title", /^is not text; give/],
  ["a title of nothing", created({ title: "" }), "title", /^is empty; give one line/],
  ["a contact of nothing", created({ contact: "" }), "contact", /^is empty; .*or leave it out/],
  ["a category that is absent", created({ category: undefined }), "category", /^is missing; give one of normal/],
  ["a change that is a number", created({ change: 7 }), "change", /^is not text; give the change's id/],
  ["an id that is a number", created({}, { id: 7 }), "id", /^is not text/],
  ["a link without an address", created({ links: [{ rel: "x" }] }), "links[0].href", /^is missing; give an absolute/],
  [
    "a link without a relation",
    created({ links: [{ href: "https://x.example" }] }),
    "links[0].rel",
    /^is missing; give/,
  ],
  ["data that is a list", created({}, { data: [] }), "data", /^is not a JSON object/],
  ["no object", 7, "event", /not a JSON object/],
  ["no id", created({}, { id: undefined }), "id", /missing/],
  ["an empty source", created({}, { source: "" }), "source", /empty/],
  ["another version", created({}, { specversion: "0.3" }), "specversion", /1\.0/],
  ["an unknown type", created({}, { type: "forewarn.change.deleted" }), "type", /forewarn\.change\.created/],
  ["a time without an offset", created({}, { time: "2027-03-01T09:00:00" }), "time", /offset/],
  ["data that is XML", created({}, { datacontenttype: "text/xml" }), "datacontenttype", /JSON/],
  ["no data", created({}, { data: undefined }), "data", /missing/],
  ["an unknown category", created({ category: "minor" }), "category", /normal, major, emergency/],
  ["a missing service", created({ service: undefined }), "service", /missing/],
  ["a service that is no id", created({ service: "a b" }), "service", /letters/],
  ["an id with a colon", created({ change: "CHG:1" }), "change", /letters/],
  ["an id of 65 characters", created({ change: "x".repeat(65) }), "change", /64/],
  ["a title of two lines", created({ title: "a\nBcc: everyone" }), "title", /line breaks/],
  ["a title of 201 characters", created({ title: "x".repeat(201) }), "title", /200/],
  ["a title with half a character", created({ title: "\ud800" }), "title", /Unicode/],
  ["a summary with a NUL", created({ summary: "a\u0000b" }), "summary", /control/],
  ["a day that does not exist", created({ releaseAt: "2027-02-30" }), "releaseAt", /2027-02-30.*give one that exists/],
  ["a time without a zone", created({ releaseAt: "2027-03-01T09:00:00" }), "releaseAt", /offset/],
  ["a season", created({ releaseAt: "Summer '23" }), "releaseAt", /./],
  ["a link that runs script", created({ links: [{ rel: "x", href: "javascript:alert(1)" }] }), "links[0].href", /http/],
  ["a flag as text", created({ businessCritical: "yes" }), "businessCritical", /true nor false/],
  ["a misspelt field", created({ realeaseAt: "2027-03-01" }), "realeaseAt", /did you mean releaseAt/],
  [
    "a cancellation without a reason",
    created({}, { type: "forewarn.change.cancelled", data: { change: "CHG-1" } }),
    "reason",
    /^is missing; give the reason/,
  ],
  [
    "a cancellation with an empty reason",
    created({}, { type: "forewarn.change.cancelled", data: { change: "CHG-1", reason: "" } }),
    "reason",
    /^is empty; give the reason, which partners are told$/,
  ],
];
for (const [what, envelope, path, remedy] of REFUSED) {
  test(`${what} is refused by name, with the remedy`, () => {
    const faults = faultsOf(envelope);
    assert.ok(path in faults, `faults name ${Object.keys(faults).join(", ")}`);
    assert.match(faults[path] ?? "", remedy);
  });
}

test("every fault is named at once", () => {
  assert.deepEqual(Object.keys(faultsOf(created({ category: "x", title: "", releaseAt: "soon" }))).sort(), [
    "category",
    "releaseAt",
    "title",
  ]);
});

test("an update may take an optional field away with null, but not the title", () => {
  const update = (data: Record<string, unknown>) =>
    created({}, { type: "forewarn.change.updated", data: { change: "CHG-1", ...data } });
  const read = readEvent(update({ action: null }));
  assert.ok("event" in read && read.event.fields.action === null);
  assert.ok("title" in faultsOf(update({ title: null })));
});
