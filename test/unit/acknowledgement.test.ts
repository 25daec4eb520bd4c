import assert from "node:assert/strict";
import { test } from "node:test";
import { acknowledgedSince } from "../../src/domain/acknowledgement.ts";

test("a date brought forward resets acknowledgements, one put back keeps them", () => {
  const moves = [
    { revision: 2, from: "2027-03-31", to: "2027-04-30" },
    { revision: 4, from: "2027-04-30", to: "2027-03-31" },
    { revision: 5, from: "2027-03-31", to: "2027-05-31" },
  ];
  assert.equal(acknowledgedSince([], "Europe/Paris"), 1);
  assert.equal(acknowledgedSince(moves.slice(0, 1), "Europe/Paris"), 1);
  assert.equal(acknowledgedSince(moves, "Europe/Paris"), 4);
  // 23:00 UTC is the next day's midnight in Paris: the same instant, no move forward.
  assert.equal(
    acknowledgedSince([{ revision: 2, from: "2027-03-01", to: "2027-02-28T23:00:00.000Z" }], "Europe/Paris"),
    1,
  );
  assert.equal(acknowledgedSince([{ revision: 2, from: null, to: "2027-03-01" }], "Europe/Paris"), 1);
});
