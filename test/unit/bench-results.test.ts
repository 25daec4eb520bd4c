import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Kept, keepResults } from "../../bench/results-file.ts";

const NAMES = ["keep-alive", "mails", "growth"];

const ran = (at: string): Kept => ({
  at,
  seconds: 1,
  machine: { cores: 2, cpu: "a CPU", memoryGb: 4, kernel: "6", versions: { node: "v26" } },
  load: [0, 1],
  steal: 0.01,
  results: [{ scenario: "s", goal: "g", yardstick: null, ratios: [1], cpuUs: {}, figures: { "per s": 1 } }],
});

test("a full run of some scenarios keeps the figures of the others, and drops those of scenarios that are gone", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "forewarn-results-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "results.json");
  await keepResults(path, [...NAMES, "gone"], { mails: ran("first"), gone: ran("first") });
  await keepResults(path, [...NAMES, "gone"], { growth: ran("first"), "keep-alive": ran("first") });
  await keepResults(path, NAMES, { mails: ran("second") });

  const kept = JSON.parse(await readFile(path, "utf8")) as Record<string, Kept>;
  assert.deepEqual(
    Object.entries(kept).map(([name, { at }]) => [name, at]),
    [
      ["keep-alive", "first"],
      ["mails", "second"],
      ["growth", "first"],
    ],
  );
  assert.deepEqual(kept["mails"], ran("second"));
  assert.deepEqual(await readdir(folder), ["results.json"], "nothing half-written is left");
});
