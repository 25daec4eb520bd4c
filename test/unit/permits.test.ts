import assert from "node:assert/strict";
import { test } from "node:test";
import { makePermits } from "../../src/queue/permits.ts";

test("as many permits are out as there are, and who waits gets one in the order of asking", async () => {
  const permits = makePermits(2);
  const begun: string[] = [];
  const ask = async (name: string): Promise<() => void> => {
    const giveBack = await permits.take();
    begun.push(name);
    return giveBack;
  };
  const first = await ask("first");
  await ask("second");
  const third = ask("third");
  void ask("fourth");
  await Promise.resolve();
  assert.deepEqual(begun, ["first", "second"]);
  first();
  const giveThirdBack = await third;
  assert.deepEqual(begun, ["first", "second", "third"]);
  first();
  await new Promise(setImmediate);
  assert.deepEqual(begun, ["first", "second", "third"], "given back twice it counts once");
  giveThirdBack();
  await new Promise(setImmediate);
  assert.deepEqual(begun, ["first", "second", "third", "fourth"]);
});
