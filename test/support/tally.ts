import { appendFileSync } from "node:fs";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";

/** What a scenario came to, counted where it counts: at the receiver and in the mailbox. */
export type Tally = {
  scenario: string;
  deliveries: number;
  kills: number;
  lost: number;
  duplicated: number;
  /** What may be sent twice at most: slots + 200 a process and kill. */
  inFlight: number;
};

/** Counts how often each id arrived, and which expected ones never did. */
export const tally = (
  expected: readonly string[],
  arrived: readonly string[],
): { lost: number; duplicated: number } => {
  const seen = new Set(arrived);
  return { lost: expected.filter((id) => !seen.has(id)).length, duplicated: arrived.length - seen.size };
};

/** Prints the row, adds it to the report of `npm run test:fault`, and fails when anything was lost or repeated beyond what was in flight. */
export const judge = (t: TestContext, row: Tally, seed: number): void => {
  t.diagnostic(
    `${row.scenario}: ${row.deliveries} deliveries, ${row.kills} kills, ${row.lost} lost, ${row.duplicated} duplicated, in flight at most ${row.inFlight}; SEED=${seed}`,
  );
  const report = process.env["FAULT_REPORT"];
  if (report) appendFileSync(report, `${JSON.stringify({ ...row, seed })}\n`);
  assert.equal(row.lost, 0, "lost");
  assert.ok(
    row.duplicated <= row.inFlight,
    `${row.duplicated} duplicated, more than what was in flight (${row.inFlight})`,
  );
};
