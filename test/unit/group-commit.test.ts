import assert from "node:assert/strict";
import { test } from "node:test";
import { makeGroupCommit } from "../../src/flow/group-commit.ts";

type Step = {
  group: readonly string[];
  done: (made: readonly (string | Promise<string>)[]) => void;
  fail: (error: Error) => void;
};

/** A group commit whose runs end when the test says so; a text's keys are its letters. */
const scene = (most = 100) => {
  const steps: Step[] = [];
  const commit = makeGroupCommit<string, string>({
    most,
    keysOf: (given) => given.split(""),
    run: (group) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly (string | Promise<string>)[]>();
      steps.push({ group, done: resolve, fail: reject });
      return promise;
    },
  });
  const next = async (): Promise<Step> => {
    for (;;) {
      const step = steps.shift();
      if (step) return step;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  /** Ends the next run as if each were made into itself. */
  const pass = async (): Promise<readonly string[]> => {
    const step = await next();
    step.done(step.group);
    return step.group;
  };
  return { commit, next, pass };
};

test("what is given in one turn goes together, what comes meanwhile with the next, and each hears what was made of it", async () => {
  const { commit, next, pass } = scene();
  const first = [commit.add("a"), commit.add("b")];
  const step = await next();
  assert.deepEqual(step.group, ["a", "b"]);
  const second = [commit.add("c"), commit.add("d")];
  step.done(["A", "B"]);
  assert.deepEqual(await Promise.all(first), ["A", "B"]);
  assert.deepEqual(await pass(), ["c", "d"]);
  assert.deepEqual(await Promise.all(second), ["c", "d"]);
  const third = commit.add("e");
  assert.deepEqual(await pass(), ["e"], "it begins again after it came to rest");
  await third;
});

test("two that share a key go in different groups, in their order, also behind one that waits", async () => {
  const { commit, pass } = scene();
  const all = ["ab", "bc", "cd", "e"].map((given) => commit.add(given));
  assert.deepEqual(await pass(), ["ab", "e"]);
  assert.deepEqual(await pass(), ["bc"]);
  assert.deepEqual(await pass(), ["cd"]);
  await Promise.all(all);
});

test("a group has a bound", async () => {
  const { commit, pass } = scene(2);
  const all = ["a", "b", "c"].map((given) => commit.add(given));
  assert.deepEqual(await pass(), ["a", "b"]);
  assert.deepEqual(await pass(), ["c"]);
  await Promise.all(all);
});

test("a run that fails does so for all who wait, and who comes then is tried anew", async () => {
  const { commit, next, pass } = scene();
  const failed = commit.add("a");
  const step = await next();
  const later = commit.add("b");
  step.fail(new Error("away"));
  await Promise.all([assert.rejects(failed, /away/), assert.rejects(later, /away/)]);
  const last = commit.add("c");
  assert.deepEqual(await pass(), ["c"]);
  assert.equal(await last, "c");
});

test("what a run leaves to a promise keeps nobody else waiting, and may fail by itself", async () => {
  const { commit, next, pass } = scene();
  const [a, b, c] = [commit.add("a"), commit.add("b"), commit.add("c")];
  const slow = Promise.withResolvers<string>();
  const step = await next();
  const later = commit.add("d");
  step.done([slow.promise, Promise.reject(new Error("spoilt")), "C"]);
  await assert.rejects(b, /spoilt/);
  assert.equal(await c, "C");
  assert.deepEqual(await pass(), ["d"], "the slow one is not waited for");
  await later;
  slow.resolve("A");
  assert.equal(await a, "A");
});
