import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

type Entry = { optionalDependencies?: Record<string, string>; resolved?: string };

test("the lockfile names every platform's optional packages, so that npm ci works on each of them", () => {
  const text = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8");
  const { packages } = JSON.parse(text) as { packages: Record<string, Entry> };
  const missing = Object.entries(packages).flatMap(([at, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${at}/node_modules/${name}` in packages),
    ),
  );
  assert.deepEqual(
    missing,
    [],
    "npm leaves out what its registry lacked when the lock was made: add the entries by hand",
  );
});
