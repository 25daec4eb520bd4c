import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readEvent } from "../../src/domain/event.ts";
import { canonicalJson } from "../../src/domain/policy.ts";
import { EVENT_BYTES, EVENT_LEVELS, storableJson, storableText, storageFault } from "../../src/domain/storable.ts";

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = { a: value };
  return value;
};

test("an event of exactly 64 KiB as JSON is fit to be stored, one byte more is not", () => {
  const frame = Buffer.byteLength(JSON.stringify({ a: [1, { b: null }, "é"], details: "" }));
  const of = (bytes: number) => ({ a: [1, { b: null }, "é"], details: "x".repeat(bytes - frame) });
  assert.equal(Buffer.byteLength(JSON.stringify(of(EVENT_BYTES))), EVENT_BYTES);
  assert.equal(storageFault(of(EVENT_BYTES)), null);
  const unfit = storageFault(of(EVENT_BYTES + 1));
  assert.equal(unfit?.problem, "too-large");
  assert.match(unfit.fault.message, /64 KiB/);
});

test("32 levels are fit to be stored, 33 are not, and the fault names the attribute", () => {
  assert.equal(storageFault(nested(EVENT_LEVELS)), null);
  assert.deepEqual(storageFault(nested(EVENT_LEVELS + 1)), {
    problem: "invalid",
    fault: { path: "a.a", message: "is nested deeper than 32 levels; flatten it" },
  });
});

test("a text that PostgreSQL cannot hold is refused wherever it stands, with its place", () => {
  const cases: [unknown, string][] = [
    [{ data: { change: "C\u0000" } }, "change"],
    [{ data: { affects: ["fine", "\udc00"] } }, "affects[1]"],
    [{ data: { "x\u0000": 1 } }, "data"],
    [{ "x\ud800": 1 }, "event"],
  ];
  for (const [value, path] of cases) assert.equal(storageFault(value)?.fault.path, path);
});

test("whatever JSON comes, reading it ends with an event or with faults, and it can be hashed and kept", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary", maxDepth: 6 }), (value) => {
      const read = readEvent(value);
      assert.ok("faults" in read && read.faults.length > 0);
      assert.doesNotThrow(() => canonicalJson(value));
      const kept = storableJson(value);
      assert.ok(Buffer.byteLength(kept) <= EVENT_BYTES);
      assert.ok(!kept.includes("\\u0000") && !/\\ud[89a-f]/.test(kept.replaceAll("\\\\", "")));
    }),
    { numRuns: 300 },
  );
});

test("an input 100,000 deep is hashed and kept in part", () => {
  const deep = nested(100_000);
  assert.ok(canonicalJson(deep).length < 2_000);
  assert.ok(storableJson(deep).length < 2_000);
});

test("of an input that is too large the short texts at its top are kept", () => {
  const kept = JSON.parse(storableJson({ id: "e\u0000-1", source: "/s", data: { details: "x".repeat(100_000) } }));
  assert.deepEqual([kept.id, kept.source, kept.data], ["e\ufffd-1", "/s", undefined]);
  assert.match(kept.omitted, /^100\d+ bytes/);
  assert.equal(storableText("y".repeat(5_000)).length, 512);
});

test("an event with a thousand unknown fields is told a hundred of its faults", () => {
  const data = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`f${at}`, at]));
  const read = readEvent({ specversion: "1.0", id: "1", source: "/s", type: "forewarn.change.created", data });
  assert.equal("faults" in read && read.faults.length, 100);
});
