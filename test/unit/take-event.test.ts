import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { makeTakeEvent } from "../../src/flow/take-event.ts";
import type { Ledger } from "../../src/ledger/connection.ts";
import { makeLog } from "../../src/log.ts";

/** What the log says of an event that the flow refuses. */
const refusalOf = async (envelope: unknown): Promise<Record<string, unknown>> => {
  const lines: string[] = [];
  const takeEvent = makeTakeEvent({
    acceptEvent: async () => ({ kind: "refused", problem: new Problem("invalid", "title is missing") }),
    ledger: { pools: { urgent: { query: async () => ({ rows: [] }) } } } as unknown as Ledger,
    log: makeLog("info", { write: (line) => void lines.push(line) }),
  });
  await takeEvent(envelope);
  return JSON.parse(lines.join("")) as Record<string, unknown>;
};

test("the log says which event was refused", async () => {
  const { id, source, change, problem, detail } = await refusalOf({
    id: "e1",
    source: "/billing",
    data: { change: "C1" },
  });
  assert.deepEqual(
    { id, source, change, problem, detail },
    { id: "e1", source: "/billing", change: "C1", problem: "invalid", detail: "title is missing" },
  );
});

for (const [what, envelope] of [
  ["a text", "event"],
  ["nothing", null],
  ["a list", [1]],
  ["one whose names are no text", { id: 7, source: {}, data: "text" }],
] as const)
  test(`a refused event that is ${what} is logged without names`, async () => {
    const { id, source, change, msg } = await refusalOf(envelope);
    assert.deepEqual([id, source, change, msg], [undefined, undefined, undefined, "event refused and kept"]);
  });

test("names of a refused event are cut short", async () => {
  assert.equal(String((await refusalOf({ id: "x".repeat(10_000) }))["id"]).length, 512);
});
