import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isBeating } from "../../src/processes/heartbeat.ts";

test("a heart beats while its file was touched within 15 seconds, and without a file it does not", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "forewarn-test-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "heartbeat");
  assert.equal(await isBeating(file, new Date()), false);
  await writeFile(file, "");
  await utimes(file, 1_000, 1_000);
  assert.equal(await isBeating(file, new Date(1_015_000)), true);
  assert.equal(await isBeating(file, new Date(1_015_001)), false);
});
