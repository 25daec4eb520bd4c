import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { median, type Result, type Scenario } from "./result.ts";
import { emergency } from "./scenarios/emergency.ts";
import { fanOutRows } from "./scenarios/fan-out-rows.ts";
import { mails } from "./scenarios/mails.ts";
import { redisMemory } from "./scenarios/redis-memory.ts";
import { webhookKeepAlive, webhookTwoSenders } from "./scenarios/webhook-keep-alive.ts";
import { webhookTls } from "./scenarios/webhook-tls.ts";

/**
 * `npm run bench`: every scenario, each in turn with its yardstick, on loopback and servers of its own. `-- --quick` runs
 * small ones within two minutes, to see that all still work; their figures mean nothing. `-- keep-alive fan-out` runs some.
 */
const SCENARIOS: readonly Scenario[] = [
  webhookKeepAlive,
  webhookTls,
  webhookTwoSenders,
  mails,
  emergency,
  fanOutRows,
  redisMemory,
];

const RESULTS = join(import.meta.dirname, "results.json");

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const named = (values: Record<string, number>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join("\n");
const span = (ratios: readonly number[]): string =>
  ratios.length === 0
    ? "—"
    : `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;

const print = (results: readonly Result[]): void => {
  const table = new Table({
    head: ["scenario", "against", "ratio", "goal", "CPU µs a delivery", "figures"],
    style: { head: [], border: [] },
    colWidths: [34, 22, 20, 16, 20, 28],
    wordWrap: true,
  });
  for (const { scenario, yardstick, ratios, goal, cpuUs, figures } of results)
    table.push([scenario, yardstick ?? "—", span(ratios), goal, named(cpuUs), named(figures)]);
  console.log(table.toString());
};

/** A figure that cannot be is a fault of the benchmark, however well the scenario ran. */
const insane = ({ ratios, cpuUs, figures }: Result): boolean =>
  [...ratios, ...Object.values(figures)].some((value) => !Number.isFinite(value) || value < 0) ||
  ratios.some((ratio) => ratio <= 0) ||
  Object.values(cpuUs).some((us) => !Number.isFinite(us) || us < 0);

const choose = (names: readonly string[]): readonly Scenario[] => {
  const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new Error(
      `no scenario is named ${unknown.join(", ")}; there are ${SCENARIOS.map(({ name }) => name).join(", ")}`,
    );
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name));
};

const { values, positionals } = parseArgs({ options: { quick: { type: "boolean" } }, allowPositionals: true });
const size = values.quick ? "quick" : "full";
const results: Result[] = [];
for (const scenario of choose(positionals)) {
  const begunAt = performance.now();
  const made = await scenario.run(size);
  for (const result of made)
    if (insane(result)) throw new Error(`${scenario.name} measured nonsense: ${JSON.stringify(result)}`);
  results.push(...made);
  console.error(`${scenario.name}: ${((performance.now() - begunAt) / 1_000).toFixed(1)} s`);
}
print(results);
if (size === "full") {
  const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? "", node: process.version };
  await writeFile(RESULTS, `${JSON.stringify({ at: new Date().toISOString(), machine, results }, null, 2)}\n`);
  console.log(`written to ${relative(process.cwd(), RESULTS)}`);
}
