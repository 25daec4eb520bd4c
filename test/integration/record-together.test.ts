import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Accepted, makeAcceptEvent } from "../../src/flow/accept-event.ts";
import { lockChange } from "../../src/ledger/changes.ts";
import { inTransaction, type Ledger } from "../../src/ledger/connection.ts";
import { openApi } from "../support/api.ts";
import { inDays } from "../support/days.ts";
import { BATCH } from "../support/events-api.ts";
import { envelope, type Pipeline, startPipeline } from "../support/pipeline.ts";

/** Creations that come at the same time share a commit; whatever is wrong with one of them is its own. */

let pipeline: Pipeline;
let ledger: Ledger;
let accept: (events: readonly unknown[]) => Promise<Accepted[]>;
before(async () => {
  pipeline = await startPipeline({ running: false });
  await pipeline.addService("api");
  ({ ledger } = pipeline.parts);
  const acceptEvent = makeAcceptEvent(pipeline.parts);
  accept = (events) => Promise.all(events.map(acceptEvent));
});

const RELEASE = inDays(90);
const creation = (change: string, more: Record<string, unknown> = {}, attributes: Record<string, unknown> = {}) => ({
  ...envelope("created", { change, category: "major", service: "api", title: "x", releaseAt: RELEASE, ...more }),
  ...attributes,
});
const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, no) => `${prefix}-${no}`);

/** Of each change what is stored of it, and by how many transactions. */
const storedOf = async (changes: readonly string[]) => {
  const { rows } = await ledger.pools.routine.query<{
    change: string;
    notices: number;
    planned: boolean;
    commit: string;
  }>(
    `SELECT r.change, (SELECT count(*) FROM notices n WHERE n.change = r.change AND n.revision = r.revision) AS notices,
            r.planned_at IS NOT NULL AS planned, r.xmin::text AS commit
     FROM revisions r JOIN events e ON e.no = r.event AND e.change = r.change AND e.status = 'accepted'
     JOIN changes c ON c.change = r.change AND c.revision = r.revision AND c.state = r.state
     WHERE r.change = ANY($1) ORDER BY e.no`,
    [changes],
  );
  return { rows, commits: new Set(rows.map(({ commit }) => commit)).size };
};

const outcomeOf = (accepted: Accepted): string =>
  accepted.kind === "refused" ? accepted.problem.problem : accepted.duplicate ? "duplicate" : "accepted";

test("creations that come at the same time are one commit, in their order, and each is answered with its own", async () => {
  const changes = names("SAME", 20);
  const accepted = await accept(changes.map((change) => creation(change)));
  for (const [at, one] of accepted.entries()) {
    assert.ok(one.kind === "accepted" && !one.duplicate);
    assert.equal(one.answer.change, changes[at]);
    assert.ok(one.answer.notices.every(({ id }) => id.startsWith(`${changes[at]}.r1.`)));
  }
  const { rows, commits } = await storedOf(changes);
  assert.deepEqual(
    rows.map(({ change, planned, notices }) => ({ change, planned, notices })),
    changes.map((change) => ({ change, planned: true, notices: 5 })),
  );
  assert.equal(commits, 1);
});

test("an emergency is in a commit of its own", async () => {
  await accept([
    creation("MIXED-0"),
    creation("MIXED-1", { category: "emergency", releaseAt: inDays(2) }),
    creation("MIXED-2"),
  ]);
  const { rows } = await storedOf(names("MIXED", 3));
  const commitOf = Object.fromEntries(rows.map(({ change, commit }) => [change, commit]));
  assert.equal(commitOf["MIXED-0"], commitOf["MIXED-2"]);
  assert.notEqual(commitOf["MIXED-0"], commitOf["MIXED-1"]);
});

test("what is refused, was accepted before or says another thing under the same id is so for itself alone", async () => {
  const first = creation("OWN-0");
  await accept([first]);
  const { id, source } = first as { id: string; source: string };
  const accepted = await accept([
    creation("OWN-1"),
    first,
    creation("OWN-2", { service: "nobody" }),
    creation("OWN-3", {}, { id, source }),
    creation("OWN-0"),
    creation("OWN-4"),
  ]);
  assert.deepEqual(accepted.map(outcomeOf), ["accepted", "duplicate", "invalid", "conflict", "conflict", "accepted"]);
  assert.deepEqual(
    (await storedOf(names("OWN", 5))).rows.map(({ change }) => change),
    ["OWN-0", "OWN-1", "OWN-4"],
  );
});

test("one event twice at the same time is accepted once, and one change created twice is a conflict", async () => {
  const event = creation("TWICE-0");
  const accepted = await accept([event, event, creation("TWICE-1"), creation("TWICE-1", { title: "y" })]);
  assert.deepEqual(accepted.map(outcomeOf), ["accepted", "duplicate", "accepted", "conflict"]);
});

test("a change that somebody else has in hand keeps only its own creation waiting", async () => {
  const release = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const other = inTransaction(ledger.pools.routine, async (sql) => {
    await lockChange(sql, "HELD-1");
    locked.resolve();
    await release.promise;
  });
  await locked.promise;
  let waits = true;
  const [before, held, after] = names("HELD", 3).map((change) => accept([creation(change)]));
  const done = held?.then(() => {
    waits = false;
  });
  await Promise.all([before, after]);
  await accept([creation("HELD-3")]);
  assert.equal(waits, true);
  release.resolve();
  await Promise.all([other, done]);
  assert.equal((await storedOf(names("HELD", 4))).rows.length, 4);
});

test("an event that PostgreSQL does not take fails by itself", async () => {
  await ledger.pools.routine.query("ALTER TABLE events ADD CONSTRAINT spoilt CHECK (change <> 'SPOILT-1')");
  try {
    const settled = await Promise.allSettled(names("SPOILT", 3).map((change) => accept([creation(change)])));
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
  } finally {
    await ledger.pools.routine.query("ALTER TABLE events DROP CONSTRAINT spoilt");
  }
  assert.deepEqual(
    (await storedOf(names("SPOILT", 3))).rows.map(({ change }) => change),
    ["SPOILT-0", "SPOILT-2"],
  );
});

test("what was held for several changes becomes part of them as they are created together", async () => {
  const changes = names("WAITED", 3);
  const updates = changes.map((change) => envelope("updated", { change, summary: `of ${change}` }));
  assert.deepEqual(
    (await accept(updates)).map((one) => one.kind === "accepted" && one.answer.status),
    ["held", "held", "held"],
  );
  await accept(changes.map((change) => creation(change)));
  const { rows } = await ledger.pools.routine.query<{ change: string; summary: string; held: number }>(
    `SELECT change, state->'fields'->>'summary' AS summary,
            (SELECT count(*) FROM events e WHERE e.change = c.change AND e.status = 'held') AS held
     FROM changes c WHERE change = ANY($1) ORDER BY change`,
    [changes],
  );
  assert.deepEqual(
    rows,
    changes.map((change) => ({ change, summary: `of ${change}`, held: 0 })),
  );
});

test("a batch over HTTP keeps its order where order matters: creation, update, creation of the same again", async () => {
  const api = await openApi({ ledger, acceptEvent: makeAcceptEvent(pipeline.parts) });
  const batch = [
    creation("BATCH-0"),
    creation("BATCH-1"),
    envelope("updated", { change: "BATCH-1", summary: "more" }),
    creation("BATCH-2"),
    creation("BATCH-1", { category: "emergency", releaseAt: inDays(2) }),
    envelope("cancelled", { change: "BATCH-2", reason: "withdrawn" }),
  ];
  const answer = await api.call("POST", "/v1/events", { body: batch, type: BATCH });
  assert.equal(answer.statusCode, 207);
  assert.deepEqual(
    answer
      .json<{ change?: string; revision?: number; status: unknown }[]>()
      .map(({ change, revision, status }) => [change, revision, status]),
    [
      ["BATCH-0", 1, "announced"],
      ["BATCH-1", 1, "announced"],
      ["BATCH-1", 2, "announced"],
      ["BATCH-2", 1, "announced"],
      [undefined, undefined, 409],
      ["BATCH-2", 2, "cancelled"],
    ],
  );
});
