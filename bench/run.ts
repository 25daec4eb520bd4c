import { loadavg } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { describeMachine, watchSteal } from "./machine.ts";
import { median, type Result, type Scenario } from "./result.ts";
import { type KeptResults, keepResults } from "./results-file.ts";
import { accept } from "./scenarios/accept.ts";
import { emergency } from "./scenarios/emergency.ts";
import { fanOutRows } from "./scenarios/fan-out-rows.ts";
import { firstPost } from "./scenarios/first-post.ts";
import { growth } from "./scenarios/growth.ts";
import { mails, mailsDkim } from "./scenarios/mails.ts";
import { memory } from "./scenarios/memory.ts";
import { redisMemory } from "./scenarios/redis-memory.ts";
import { singleNotices } from "./scenarios/single-notices.ts";
import { webhookKeepAlive, webhookTwoSenders } from "./scenarios/webhook-keep-alive.ts";
import { webhookTls } from "./scenarios/webhook-tls.ts";

/**
 * `npm run bench`: every scenario, each in turn with its yardstick, on loopback and servers of its own. `-- --quick` runs
 * small ones within two minutes, to see that all still work; their figures mean nothing. `-- keep-alive fan-out` runs some.
 * Full runs keep their figures in results.json, each scenario's own beside those of the others.
 */
const SCENARIOS: readonly Scenario[] = [
  webhookKeepAlive,
  webhookTls,
  webhookTwoSenders,
  singleNotices,
  mails,
  mailsDkim,
  emergency,
  firstPost,
  accept,
  fanOutRows,
  redisMemory,
  memory,
  growth,
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
    head: ["scenario", "against", "ratio", "goal", "CPU µs each", "figures"],
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
  const [loadBefore = 0] = loadavg();
  const stealSince = watchSteal();
  const made = await scenario.run(size);
  for (const result of made)
    if (insane(result)) throw new Error(`${scenario.name} measured nonsense: ${JSON.stringify(result)}`);
  results.push(...made);
  const seconds = Math.round((performance.now() - begunAt) / 100) / 10;
  const [loadAfter = 0] = loadavg();
  const steal = Math.round(stealSince() * 1_000) / 1_000;
  const hour = `load ${loadBefore.toFixed(1)} to ${loadAfter.toFixed(1)}, ${(steal * 100).toFixed(0)} % stolen`;
  console.error(`${scenario.name}: ${seconds} s, ${hour}`);
  if (size === "quick") continue;
  // At once: what an hour has measured must not be lost to the scenario after it.
  const kept: KeptResults = {
    [scenario.name]: {
      at: new Date().toISOString(),
      seconds,
      machine: await describeMachine(),
      load: [loadBefore, loadAfter],
      steal,
      results: made,
    },
  };
  await keepResults(
    RESULTS,
    SCENARIOS.map(({ name }) => name),
    kept,
  );
}
print(results);
if (size === "full") console.log(`kept in ${relative(process.cwd(), RESULTS)}`);
