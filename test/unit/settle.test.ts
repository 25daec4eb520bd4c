import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pool } from "pg";
import { makeSettler, type Settled } from "../../src/flow/settle.ts";
import { makeLog } from "../../src/log.ts";
import { until } from "../support/until.ts";

const one = (endpoint: number): Settled => ({
  notice: 1,
  endpoint,
  chunk: 1,
  run: 1,
  settlement: {
    status: "sent",
    reason: null,
    delayMs: null,
    counted: true,
    code: 250,
    error: null,
    answer: "ok",
    endpoint: null,
  },
  repeated: false,
  failing: false,
  begunAt: 0,
  ms: 1,
});

/** A settler over a ledger that commits when it is told to; `batches` are the sizes of what it was given. */
const scene = () => {
  const batches: number[] = [];
  const commits: (() => void)[] = [];
  const query = ({ values }: { values: unknown[] }): Promise<unknown> => {
    batches.push(String(values[0]).split(",").length);
    return new Promise((resolve) => commits.push(() => resolve({ rows: [] })));
  };
  const settler = makeSettler({
    pool: { query } as unknown as Pool,
    judgeEndpoints: () => Promise.resolve([]),
    outages: { explain: () => false } as unknown as Parameters<typeof makeSettler>[0]["outages"],
    log: makeLog("silent"),
    wait: () => Promise.resolve(),
  });
  const commit = async (no: number): Promise<void> => {
    await until(() => commits.length > no, { what: `commit ${no}` });
    commits[no]?.();
  };
  const add = (count: number): void => {
    for (let no = 0; no < count; no += 1) settler.add(one(no));
  };
  return { settler, batches, commit, add };
};

test("what comes while a batch is committed waits for company, and is not a batch of its own at once", async () => {
  const { settler, batches, commit, add } = scene();
  add(200);
  add(3);
  await commit(0);
  await until(() => settler.pending() === 3, { what: "the first batch to be committed" });
  add(4);
  assert.deepEqual(batches, [200]);
  await commit(1);
  await until(() => settler.pending() === 0, { what: "the rest to be committed" });
  assert.deepEqual(batches, [200, 7]);
});

test("flushing waits for what was added before, however much comes after", async () => {
  const { settler, batches, commit, add } = scene();
  add(1);
  let flushes = 0;
  const flush = async (): Promise<void> => {
    await settler.flushed();
    flushes += 1;
  };
  const first = flush();
  add(2);
  const second = flush();
  add(1);
  await commit(0);
  await first;
  assert.equal(flushes, 1);
  assert.deepEqual(batches, [1, 3]);
  add(5);
  await commit(1);
  await second;
  assert.equal(settler.pending(), 5);
  assert.deepEqual(batches, [1, 3]);
  await commit(2);
  await until(() => settler.pending() === 0, { what: "the rest to be committed" });
  await settler.flushed();
  assert.deepEqual(batches, [1, 3, 5]);
});

test("a full buffer has no room until its batch is committed", async () => {
  const { settler, batches, commit, add } = scene();
  add(450);
  assert.equal(settler.hasRoom(), false);
  const room = settler.room();
  await commit(0);
  await commit(1);
  await room;
  assert.equal(settler.hasRoom(), true);
  await commit(2);
  await until(() => settler.pending() === 0, { what: "what is left to be committed" });
  assert.deepEqual(batches, [200, 200, 50]);
});
