import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { digestsOf, sealOf, tamperedRows } from "../../src/domain/seal.ts";

const THROUGH = "2026-11-22T10:00:00.000Z";
const ROWS = [
  { name: "waiver 1", line: '["waiver",1]' },
  { name: "waiver 2", line: '["waiver",2]' },
  { name: "waiver 3", line: '["waiver",3]' },
];
const remembered = { names: ROWS.map(({ name }) => name), digests: digestsOf(ROWS) };

test("a seal is the SHA-256 of the previous one, the time and every line, which anybody can recompute", () => {
  const first = sealOf(null, THROUGH, ROWS);
  const text = `${THROUGH}\n["waiver",1]\n["waiver",2]\n["waiver",3]\n`;
  assert.equal(first.toString("hex"), createHash("sha256").update(text).digest("hex"));
  const second = sealOf(first, THROUGH, []);
  assert.equal(second.toString("hex"), createHash("sha256").update(first).update(`${THROUGH}\n`).digest("hex"));
});

test("the row that was altered, added or removed is named", () => {
  assert.deepEqual(tamperedRows(remembered, ROWS), []);
  const altered = ROWS.with(1, { name: "waiver 2", line: '["waiver",2,"x"]' });
  assert.deepEqual(tamperedRows(remembered, altered), [{ what: "altered", row: "waiver 2" }]);
  assert.deepEqual(tamperedRows(remembered, ROWS.toSpliced(0, 1)), [{ what: "removed", row: "waiver 1" }]);
  assert.deepEqual(tamperedRows(remembered, [...ROWS, { name: "waiver 9", line: "" }]), [
    { what: "added", row: "waiver 9" },
  ]);
});
