import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { faultyPart } from "../../src/faulty-part.ts";
import { makeLog } from "../../src/log.ts";
import { makeOutages } from "../../src/outages.ts";

const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" });
const closed = new Error("Connection is closed.");

type Line = { level: number; msg: string; part: string; fault?: string; awayMs?: number; failed?: unknown };

/** Outages with a clock that `pass` moves; each second of it the parts are asked, and answer by `up`. */
const watched = (t: TestContext) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let now = 0;
  let asked = 0;
  const up = { ledger: true, queue: true };
  const lines: Line[] = [];
  const answer = (part: keyof typeof up, fault: Error) => () => {
    asked += 1;
    return up[part] ? Promise.resolve() : Promise.reject(fault);
  };
  const outages = makeOutages({
    log: makeLog("info", { write: (line) => void lines.push(JSON.parse(line) as Line) }),
    ask: { ledger: answer("ledger", refused), queue: answer("queue", closed) },
    now: () => now,
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      now += 1_000;
      t.mock.timers.tick(1_000);
      // The question, its answer and what follows from it.
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
  };
  const told = () => lines.map(({ level, msg }) => [level, msg]);
  return { outages, up, lines, told, pass, asked: () => asked };
};

test("an outage is told once when it begins and once when it is over, with how long it was and what failed meanwhile", async (t) => {
  const { outages, up, lines, told, pass, asked } = watched(t);
  up.ledger = false;
  for (let n = 0; n < 1_000; n += 1) assert.equal(outages.explain(refused, n % 10 === 0 ? "sweep" : "requests"), true);
  await pass(20);
  assert.deepEqual(told(), [[50, "PostgreSQL cannot be used: what is under way waits until it is back"]]);
  assert.deepEqual([lines[0]?.part, lines[0]?.fault], ["ledger", "connect ECONNREFUSED"]);
  up.ledger = true;
  await pass(1);
  assert.equal(lines.length, 1, "it may be gone again at once");
  await pass(3);
  assert.deepEqual(told()[1], [30, "PostgreSQL is back"]);
  assert.deepEqual([lines[1]?.awayMs, lines[1]?.failed], [21_000, { sweep: 100, requests: 900 }]);
  const before = asked();
  await pass(10);
  assert.deepEqual([lines.length, asked()], [2, before], "nobody is asked while all is well");
});

test("a part that flickers is one outage", async (t) => {
  const { outages, up, told, pass } = watched(t);
  outages.explain(closed, "sweep");
  for (let n = 0; n < 10; n += 1) {
    up.queue = n % 2 === 0;
    await pass(1);
    outages.explain(closed, "sweep");
  }
  up.queue = true;
  await pass(5);
  assert.deepEqual(told(), [
    [40, "Redis cannot be reached: what is accepted waits in the ledger"],
    [30, "Redis is back"],
  ]);
});

test("a connection that broke and is made again at once is nothing to tell of, and one that is not is an outage", async (t) => {
  const { outages, up, told, pass } = watched(t);
  outages.suspect("queue");
  await pass(10);
  assert.deepEqual(told(), []);
  up.queue = false;
  outages.suspect("queue");
  await pass(1);
  assert.deepEqual(told(), [[40, "Redis cannot be reached: what is accepted waits in the ledger"]]);
});

test("each part is told apart, and one that cannot be asked is back when it did its work", async (t) => {
  const { outages, up, lines, pass } = watched(t);
  up.queue = false;
  outages.explain(refused, "sweep");
  outages.lost("queue", closed);
  outages.lost("relay", "mail.internal: connection refused", "mails");
  await pass(30);
  assert.deepEqual(
    lines.map(({ part, awayMs }) => [part, awayMs ?? null]),
    [
      ["ledger", null],
      ["queue", null],
      ["relay", null],
      ["ledger", 1_000],
    ],
  );
  outages.found("relay");
  await pass(3);
  assert.deepEqual(
    lines.slice(4).map(({ msg, awayMs, failed }) => [msg, awayMs, failed]),
    [["the mail relay is back", 30_000, { mails: 1 }]],
  );
});

test("what no outage explains is left to whoever met it", (t) => {
  const { outages, lines } = watched(t);
  for (const error of [new TypeError("a bug"), Object.assign(new Error("duplicate key"), { code: "23505" }), "text"])
    assert.equal(outages.explain(error, "sweep"), false);
  assert.deepEqual(lines, []);
});

test("an error tells which server is away, also as the cause of another or as one of several", () => {
  const ledger = [
    refused,
    Object.assign(new Error("the database system is starting up"), { code: "57P03" }),
    new Error("Connection terminated unexpectedly"),
    new Error("timeout exceeded when trying to connect"),
    new AggregateError([refused], ""),
  ];
  const queue = [
    closed,
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    Object.assign(new Error("Reached the max retries per request limit"), { name: "MaxRetriesPerRequestError" }),
    new Error("LOADING Redis is loading the dataset in memory"),
    new Error("Redis did not answer within 2000 ms"),
    new Error("the queue cannot be reached at the moment; try again shortly"),
  ];
  for (const [part, errors] of Object.entries({ ledger, queue }))
    for (const error of errors) {
      assert.equal(faultyPart(error), part, error.message);
      assert.equal(faultyPart(new Error("planning failed", { cause: error })), part, error.message);
    }
  for (const error of [new Error("LOADINGS"), Object.assign(new Error("no such file"), { code: "ENOENT" }), null])
    assert.equal(faultyPart(error), null);
});
