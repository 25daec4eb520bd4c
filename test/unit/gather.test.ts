import assert from "node:assert/strict";
import { test } from "node:test";
import { makeGather } from "../../src/queue/gather.ts";

const FAR_MS = 60_000;

test("what is given within the moment goes together, in order, and each hears when it went", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: number[][] = [];
  const gather = makeGather<number>({ forMs: 25, most: 100, send: async (all) => void sent.push(all) });
  const given = [gather.add([1, 2]), gather.add([3])];
  t.mock.timers.tick(24);
  assert.deepEqual(sent, []);
  t.mock.timers.tick(1);
  await Promise.all(given);
  const later = gather.add([4]);
  t.mock.timers.tick(25);
  await later;
  assert.deepEqual(sent, [[1, 2, 3], [4]]);
});

test("a full group does not wait", async () => {
  const sent: number[][] = [];
  const gather = makeGather<number>({ forMs: FAR_MS, most: 2, send: async (all) => void sent.push(all) });
  await Promise.all([gather.add([1]), gather.add([2])]);
  assert.deepEqual(sent, [[1, 2]]);
});

test("a group that cannot be sent is told to all who gave to it, and to nobody else", async () => {
  let faults = 1;
  const send = async (): Promise<void> => {
    if (faults-- > 0) throw new Error("away");
  };
  const gather = makeGather<number>({ forMs: FAR_MS, most: 2, send });
  const given = await Promise.allSettled([gather.add([1]), gather.add([2])]);
  assert.deepEqual(
    given.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await gather.add([3, 4]);
});

test("emptying sends what waits at once, and waits for what is under way", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let sent = 0;
  const gather = makeGather<number>({
    forMs: FAR_MS,
    most: 100,
    send: async (all) => {
      await promise;
      sent += all.length;
    },
  });
  void gather.add([1, 2]);
  const emptied = gather.emptied();
  resolve();
  await emptied;
  assert.equal(sent, 2);
  await gather.emptied();
});
