import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change } from "../../src/domain/change.ts";
import type { ChangeEvent } from "../../src/domain/event.ts";
import { mergeEvent } from "../../src/domain/merge.ts";

const context = { acceptedAt: "2027-01-01T00:00:00.000Z", zone: "Europe/Paris", spoke: true, serviceIsCritical: false };

const event = (
  kind: ChangeEvent["kind"],
  time: string | null,
  fields: ChangeEvent["fields"] = {},
  id = `${kind}-${time}`,
): ChangeEvent => ({
  source: "/s",
  id,
  time,
  kind,
  change: "CHG-1",
  fields,
  reason: null,
  minor: false,
  releasedAt: null,
});

const creation = event("created", "2027-01-01T00:00:00.000Z", {
  category: "major",
  service: "billing",
  title: "First",
  releaseAt: "2027-06-01",
});

const mergeAll = (events: readonly ChangeEvent[], acceptedAt = context.acceptedAt): Change => {
  let change: Change | null = null;
  for (const one of events) change = mergeEvent(change, one, { ...context, acceptedAt }).change;
  assert.ok(change);
  return change;
};

const LATER = "2027-01-05T00:00:00.000Z";

test("updates end the same in whatever order they come", () => {
  const updates = [
    event("updated", "2027-01-02T00:00:00.000Z", { title: "Second" }),
    event("updated", "2027-01-03T00:00:00.000Z", { title: "Third", summary: "s" }),
    event("updated", "2027-01-04T00:00:00.000Z", { summary: null, releaseAt: "2027-07-01" }),
    event("updated", "2027-01-03T00:00:00.000Z", { title: "Tied" }, "zz"),
    event("cancelled", "2027-01-05T00:00:00.000Z"),
  ];
  const expected = mergeAll([creation, ...updates], LATER);
  fc.assert(
    fc.property(fc.shuffledSubarray(updates, { minLength: updates.length }), (order) => {
      const merged = mergeAll([creation, ...order], LATER);
      assert.deepEqual([merged.fields, merged.status], [expected.fields, expected.status]);
    }),
  );
  assert.deepEqual([expected.fields.title, expected.fields.summary, expected.status], ["Tied", undefined, "cancelled"]);
});

test("a late older event still contributes the fields that no newer one set, and nothing else", () => {
  const change = mergeAll([creation, event("updated", LATER, { title: "New", summary: "s" })], LATER);
  const {
    change: merged,
    differs,
    outdated,
  } = mergeEvent(
    change,
    event("updated", "2027-01-02T00:00:00.000Z", { title: "Old", summary: "s", action: "Rotate keys" }),
    { ...context, acceptedAt: LATER },
  );
  assert.deepEqual([merged.fields.title, merged.fields.action], ["New", "Rotate keys"]);
  assert.deepEqual(differs, { action: null });
  const by = { time: LATER, source: "/s", id: `updated-${LATER}` };
  assert.deepEqual(outdated, [{ field: "title", by }], "what differs and was not taken is told");
});

test("a word on the whole change that a newer one overrules is told as outdated, the same word again is not", () => {
  const change = mergeAll([creation, event("released", LATER)], LATER);
  const late = (kind: "cancelled" | "released") =>
    mergeEvent(change, event(kind, "2027-01-04T00:00:00.000Z"), { ...context, acceptedAt: LATER });
  assert.deepEqual(
    late("cancelled").outdated.map(({ field, by }) => [field, by.time]),
    [["status", LATER]],
  );
  assert.deepEqual([late("cancelled").change.status, late("released").outdated], ["released", []]);
});

test("a word whose time lies years ahead keeps its field until a later one comes, and says so to who is overruled", () => {
  const change = mergeAll([creation, event("updated", "2030-01-01T00:00:00.000Z", { title: "Ahead" })]);
  const corrected = (time: string | null) => mergeEvent(change, event("updated", time, { title: "Right" }), context);
  assert.deepEqual(
    [corrected(null).change.fields.title, corrected(null).outdated.map(({ field, by }) => [field, by.time])],
    ["Ahead", [["title", "2030-01-01T00:00:00.000Z"]]],
  );
  assert.deepEqual(
    [corrected("2030-01-01T00:00:01.000Z").change.fields.title, corrected("2030-01-01T00:00:01.000Z").outdated],
    ["Right", []],
  );
});

test("two spellings of one release instant are one date; a moved one starts its notice anew", () => {
  const at = (releaseAt: string, acceptedAt: string) =>
    mergeEvent(mergeAll([creation]), event("updated", "2027-02-01T00:00:00.000Z", { releaseAt }), {
      ...context,
      acceptedAt,
    });
  const same = at("2027-05-31T22:00:00.000Z", "2027-02-01T00:00:00.000Z");
  assert.deepEqual([same.differs, same.change.dateSince], [{}, context.acceptedAt]);
  const moved = at("2027-07-01", "2027-02-01T00:00:00.000Z");
  assert.deepEqual([moved.differs, moved.change.dateSince], [{ releaseAt: "2027-06-01" }, "2027-02-01T00:00:00.000Z"]);
});

test("saying of a change what its service says already differs in nothing", () => {
  const said = mergeEvent(
    mergeAll([creation]),
    event("updated", "2027-02-01T00:00:00.000Z", { businessCritical: context.serviceIsCritical }),
    context,
  );
  assert.deepEqual([said.change.fields.businessCritical, said.differs], [context.serviceIsCritical, {}]);
});

test("a date that was recorded without telling anybody counts only from when partners are told of it", () => {
  const recorded = mergeAll([{ ...creation, fields: { ...creation.fields, category: "normal" } }]);
  const raised = mergeEvent(recorded, event("updated", "2027-05-20T00:00:00.000Z", { category: "major" }), {
    ...context,
    spoke: false,
    acceptedAt: "2027-05-20T00:00:00.000Z",
  });
  assert.equal(raised.change.dateSince, "2027-05-20T00:00:00.000Z");
  const edited = mergeEvent(raised.change, event("updated", "2027-05-21T00:00:00.000Z", { title: "x" }), {
    ...context,
    acceptedAt: "2027-05-21T00:00:00.000Z",
  });
  assert.equal(edited.change.dateSince, "2027-05-20T00:00:00.000Z");
});

test("a change released by the schedule is announced again when a newer event moves its date ahead", () => {
  const released: Change = { ...mergeAll([creation]), status: "released" };
  const later = { ...context, acceptedAt: "2027-06-02T00:00:00.000Z" };
  assert.equal(
    mergeEvent(released, event("updated", null, { releaseAt: "2027-08-01" }), later).change.status,
    "announced",
  );
  assert.equal(mergeEvent(released, event("updated", null, { title: "x" }), later).change.status, "released");
});

test("a links list read back from the ledger with its keys in another order is no difference", () => {
  const links = [{ rel: "docs", href: "https://x.example", title: "t" }];
  const change = mergeAll([{ ...creation, fields: { ...creation.fields, links } }]);
  const stored = {
    ...change,
    fields: { ...change.fields, links: [{ href: "https://x.example", rel: "docs", title: "t" }] },
  };
  assert.deepEqual(mergeEvent(stored, event("updated", null, { links }), context).differs, {});
});
