import assert from "node:assert/strict";
import { test } from "node:test";
import { hashKey } from "../../src/http/keys.ts";
import { makeLiveKeys } from "../../src/http/live-keys.ts";

const HASH = hashKey("a key");

/** A ledger whose look-ups are answered when the test says so, and a clock that stands. */
const open = () => {
  const asked: ((live: boolean) => void)[] = [];
  const clock = { nowMs: 0 };
  const look = async (hash: Buffer) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    asked.push(resolve);
    return (await promise) ? { key: "k", hash, scopes: ["read"] as const } : null;
  };
  return { asked, clock, keys: makeLiveKeys({ look, now: () => clock.nowMs }) };
};

test("a key is looked up once for all who come with it within a second of it, and then again", async () => {
  const scene = open();
  const first = [scene.keys.find(HASH), scene.keys.find(HASH)];
  scene.asked[0]?.(true);
  assert.deepEqual(
    (await Promise.all(first)).map((found) => found?.key),
    ["k", "k"],
  );
  scene.clock.nowMs = 999;
  assert.equal((await scene.keys.find(HASH))?.key, "k");
  assert.equal(scene.asked.length, 1);
  scene.clock.nowMs = 1_000;
  const again = scene.keys.find(HASH);
  assert.equal(scene.asked.length, 2);
  scene.asked[1]?.(false);
  assert.equal(await again, null);
});

test("what was looked up, or is being looked up, as a key is revoked counts no more", async () => {
  const scene = open();
  const before = scene.keys.find(HASH);
  scene.keys.forget();
  const after = scene.keys.find(HASH);
  scene.asked[0]?.(true);
  assert.equal((await before)?.key, "k", "it came before the revocation was answered");
  scene.asked[1]?.(false);
  assert.equal(await after, null);
  void scene.keys.find(HASH);
  assert.equal(scene.asked.length, 3, "a key that is none is not remembered");
});

test("a look-up that fails is not remembered, and neither is one that finds another key", async () => {
  let looks = 0;
  const look = async () => {
    looks += 1;
    if (looks === 1) throw new Error("away");
    return { key: "k", hash: hashKey("another"), scopes: ["admin"] as const };
  };
  const keys = makeLiveKeys({ look });
  await assert.rejects(keys.find(HASH), /away/);
  assert.equal(await keys.find(HASH), null);
  assert.equal(await keys.find(HASH), null);
  assert.equal(looks, 3);
});
