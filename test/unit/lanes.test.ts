import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLanes } from "../../src/queue/lanes.ts";
import { makeOrigins, MOST_REMEMBERED, PER_ORIGIN } from "../../src/queue/origins.ts";

const slots = { urgent: { fresh: 2, slow: 0 }, routine: { fresh: 2, slow: 1 } };

const begun = async (promise: Promise<unknown>): Promise<boolean> => {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  return done;
};

test("a lane begins as many sends as it has slots, and the next when one ends", async () => {
  const lanes = makeLanes(slots);
  const first = await lanes.enter("routine");
  await lanes.enter("routine");
  const third = lanes.enter("routine");
  assert.equal(await begun(third), false);
  lanes.leave(first);
  assert.equal(await begun(third), true);
  assert.equal(lanes.inFlight("routine"), 2);
  lanes.close();
});

test("an urgent send begins although every routine slot is taken, and no routine one begins beside it", async () => {
  const lanes = makeLanes(slots);
  const routine = await lanes.enter("routine");
  await lanes.enter("routine");
  const urgent = await lanes.enter("urgent");
  const next = lanes.enter("routine");
  lanes.leave(routine);
  assert.equal(await begun(next), false, "an urgent send is in flight");
  lanes.leave(urgent);
  assert.equal(await begun(next), true);
  lanes.close();
});

test("from when urgent sends are expected routine ones go one at a time, for half a second at most", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const lanes = makeLanes(slots);
  lanes.expect("routine");
  assert.equal(await begun(lanes.enter("routine")), true, "a routine chunk keeps nobody waiting");
  const over = lanes.expect("urgent");
  lanes.expect("urgent");
  const one = await lanes.enter("routine");
  const next = lanes.enter("routine");
  assert.equal(await begun(lanes.enter("urgent").then((ticket) => lanes.leave(ticket))), true);
  over();
  assert.equal(await begun(next), false, "the other urgent chunk is still being read");
  lanes.leave(one);
  assert.equal(await begun(next), true, "one emergency after another stops nobody");
  const third = lanes.enter("routine");
  assert.equal(await begun(third), false);
  t.mock.timers.tick(500);
  assert.equal(await begun(third), true);
  lanes.close();
});

test("a send that takes long gives its fresh slot to another", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const lanes = makeLanes(slots);
  const tickets = [await lanes.enter("routine"), await lanes.enter("routine")];
  const third = lanes.enter("routine");
  const fourth = lanes.enter("routine");
  for (const ticket of tickets) ticket.begunAt -= 1_000;
  t.mock.timers.tick(100);
  assert.deepEqual([await begun(third), await begun(fourth)], [true, false], "one slow slot frees one fresh one");
  for (const ticket of tickets) lanes.leave(ticket);
  assert.equal(await begun(fourth), true);
  assert.equal(lanes.inFlight("routine"), 2);
  lanes.close();
});

test("a host has so many sends in flight and no more; another host is not asked about it", () => {
  const origins = makeOrigins(() => 0);
  for (let send = 0; send < PER_ORIGIN; send += 1) origins.begin("https://a.example");
  assert.equal(origins.ask("https://a.example").kind, "full");
  assert.equal(origins.ask("https://b.example").kind, "go");
  origins.end("https://a.example", false);
  assert.equal(origins.ask("https://a.example").kind, "go");
});

test("a host that is silent five times in a row rests for half a minute, then is tried by one send until it answers", () => {
  let now = 0;
  const origins = makeOrigins(() => now);
  const silent = (times: number): void => {
    for (let time = 0; time < times; time += 1) {
      origins.begin("https://a.example");
      origins.end("https://a.example", true);
    }
  };
  silent(4);
  assert.equal(origins.ask("https://a.example").kind, "go");
  silent(1);
  assert.deepEqual(origins.ask("https://a.example"), { kind: "resting", forMs: 30_000 });
  now = 30_000;
  assert.equal(origins.ask("https://a.example").kind, "go");
  origins.begin("https://a.example");
  assert.equal(origins.ask("https://a.example").kind, "full", "one probe at a time");
  origins.end("https://a.example", false);
  for (let send = 0; send < 2; send += 1) {
    assert.equal(origins.ask("https://a.example").kind, "go");
    origins.begin("https://a.example");
  }
});

test("of hosts that were silent only so many are remembered, those in flight and the latest among them", () => {
  const origins = makeOrigins(() => 0);
  const host = (no: number): string => `https://${no}.example`;
  const isResting = (no: number): boolean => origins.ask(host(no)).kind === "resting";
  const silent = (no: number): void => {
    for (let time = 0; time < 5; time += 1) {
      origins.begin(host(no));
      origins.end(host(no), true);
    }
  };
  for (let send = 0; send < PER_ORIGIN; send += 1) origins.begin(host(0));
  for (let no = 1; no <= MOST_REMEMBERED; no += 1) silent(no);
  assert.deepEqual([isResting(1), isResting(2), isResting(MOST_REMEMBERED)], [false, true, true]);
  assert.equal(origins.ask(host(0)).kind, "full");
});
