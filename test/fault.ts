import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Tally } from "./support/tally.ts";

/** `npm run test:fault`: the fault suite in its large sizes, then the table that docs/reliability.md shows. */

const folder = mkdtempSync(join(tmpdir(), "forewarn-fault-"));
const report = join(folder, "report.jsonl");
const child = spawn(
  process.execPath,
  [resolve(import.meta.dirname, "run.ts"), "fault", "test/e2e/bad-endpoints.test.ts"],
  {
    stdio: "inherit",
    env: { ...process.env, FAULT_SIZE: "full", FAULT_REPORT: report },
  },
);
const [code] = (await once(child, "exit")) as [number | null];
const rows = existsSync(report)
  ? readFileSync(report, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Tally & { seed: number })
  : [];
rmSync(folder, { recursive: true });
console.log("\n| scenario | deliveries | kills | lost | duplicated | in flight at most |\n|---|---|---|---|---|---|");
for (const row of rows)
  console.log(
    `| ${row.scenario} | ${row.deliveries} | ${row.kills} | ${row.lost} | ${row.duplicated} | ${row.inFlight} |`,
  );
console.log(`\nSEED=${rows[0]?.seed ?? "none"}`);
process.exitCode = code ?? 1;
