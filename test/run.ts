import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { EmbeddedError } from "../src/embedded/embedded-error.ts";
import { ensureRedis } from "../src/embedded/install-redis.ts";
import { startPostgres } from "../src/embedded/postgres.ts";
import { startRedis } from "../src/embedded/redis.ts";
import { makeLog } from "../src/log.ts";
import { firstSignal } from "../src/processes/first-signal.ts";
import { FAST_SETTINGS } from "./support/fast-settings.ts";
import { FULL } from "./support/random.ts";

/**
 * `npm test`: every suite, against one PostgreSQL and one Redis of its own; `npm test -- unit`, `-- fault e2e` or
 * `-- test/integration/x.test.ts` run part of it. Exit code 0 only when every test passed and every file ran some.
 */

type Suite = { name: string; zones: readonly (string | null)[]; servers: boolean; files: number; timeoutMs: number };

/** `zones`: the host's zones under which the suite runs; `files`: how many run at a time, on two cores. */
const SUITES: readonly Suite[] = [
  // The furthest behind UTC with summer time, and the furthest ahead: no test may lean on the host's calendar.
  {
    name: "unit",
    zones: ["America/Los_Angeles", "Pacific/Kiritimati"],
    servers: false,
    files: 3,
    timeoutMs: 30_000,
  },
  // Most of them wait for a timer or a deadline most of the time.
  { name: "integration", zones: [null], servers: true, files: 3, timeoutMs: 120_000 },
  // Deadlines and kills are what these are about: neighbours would make them late.
  { name: "fault", zones: [null], servers: true, files: 2, timeoutMs: FULL ? 3_600_000 : 240_000 },
  { name: "e2e", zones: [null], servers: true, files: 2, timeoutMs: 120_000 },
];

const ROOT = resolve(import.meta.dirname, "..");
/** Every file and every program that a test starts loads the same code: compiled once, it starts in half the time. */
const COMPILED = join(ROOT, "node_modules/.cache/forewarn-tests");
/** The files that a suite is told to have taken longest. */
const SLOWEST = 5;
/** However it hangs, a suite ends. */
const SUITE_MS = FULL ? 3_600_000 : 600_000;
const EXIT_INTERRUPTED = 130;

const filesOf = (suite: Suite): string[] =>
  globSync(`test/${suite.name}/**/*.test.ts`, { cwd: ROOT })
    .map((file) => join(ROOT, file))
    .sort();

/** The suites and files that the arguments name, all of them without arguments; throws for a name that is neither. */
const choose = (names: readonly string[]): { suite: Suite; files: string[] }[] => {
  const known = SUITES.map((suite) => ({ suite, files: filesOf(suite) }));
  const wanted = names.map((name) => (SUITES.some((suite) => suite.name === name) ? name : resolve(name)));
  for (const name of wanted)
    if (!known.some(({ suite, files }) => suite.name === name || files.includes(name)))
      throw new EmbeddedError(
        `${name} is neither a suite (${SUITES.map((suite) => suite.name).join(", ")}) nor a test file`,
      );
  return known
    .map(({ suite, files }) => ({
      suite,
      files: names.length === 0 || wanted.includes(suite.name) ? files : files.filter((file) => wanted.includes(file)),
    }))
    .filter(({ files }) => files.length > 0);
};

/** A developer's settings must not reach the tests: they could point at a database that matters. */
const clearEnvironment = (): void => {
  for (const name of Object.keys(process.env))
    if (
      /^(?:FOREWARN_(?!NO_INSTALL)|DKIM_|PG|DATABASE_URL$|REDIS_URL$|SMTP_URL$|MAIL_FROM$|PUBLIC_URL$|HOST$|PORT$)/.test(
        name,
      )
    )
      delete process.env[name];
  process.env["NODE_COMPILE_CACHE"] = COMPILED;
};

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const startServers = async (): Promise<() => Promise<void>> => {
  await ensureRedis({
    mayInstall: process.env["FOREWARN_NO_INSTALL"] !== "1",
    say: (line) => console.error(line),
  });
  const folder = await mkdtemp(join(tmpdir(), "forewarn-test-"));
  const log = makeLog("fatal");
  const servers = await Promise.all([
    startPostgres({ folder, log, settings: FAST_SETTINGS }),
    startRedis({ folder, log }),
  ]);
  [process.env["TEST_DATABASE_URL"], process.env["TEST_REDIS_URL"]] = servers.map(({ url }) => url);
  return async () => {
    await Promise.all(servers.map(({ stop }) => stop()));
    await rm(folder, { recursive: true, force: true });
  };
};

/** Runs the files and prints them as they go; gives a line per reason not to be content. */
const runFiles = async (suite: Suite, files: string[], signal: AbortSignal): Promise<string[]> => {
  const silent = new Set(files);
  const took = new Map<string, number>();
  const begunAt = performance.now();
  let failed = 0;
  const events = run({
    files,
    concurrency: suite.files,
    timeout: suite.timeoutMs,
    // A test that timed out leaves timers and sockets behind, which would keep its file from ending.
    execArgv: ["--test-force-exit"],
    signal: AbortSignal.any([signal, AbortSignal.timeout(SUITE_MS)]),
    cwd: ROOT,
  });
  const count = ({ name, file }: { name: string; file?: string }): void => {
    // A file without tests is itself reported as one that passed, under its own path.
    if (file !== undefined && resolve(ROOT, name) !== file) silent.delete(file);
  };
  events.on("test:pass", count);
  events.on("test:fail", (fault) => {
    failed += 1;
    count(fault);
  });
  events.on("test:summary", ({ file, duration_ms: ms }) => {
    if (file !== undefined) took.set(relative(ROOT, file), ms);
  });
  for await (const text of events.compose(spec)) process.stdout.write(text as string | Buffer);
  const slowest = [...took].toSorted(([, one], [, other]) => other - one).slice(0, SLOWEST);
  console.log(`\n${suite.name} took ${seconds(performance.now() - begunAt)}; the slowest files:`);
  for (const [file, ms] of slowest) console.log(`  ${seconds(ms).padStart(7)}  ${file}`);
  return [
    ...(failed > 0 ? [`${suite.name}: ${failed} failed`] : []),
    ...[...silent].map((file) => `${relative(ROOT, file)} ran no test`),
  ];
};

const runAll = async (names: readonly string[], signal: AbortSignal): Promise<string[]> => {
  const chosen = choose(names);
  clearEnvironment();
  const stop = chosen.some(({ suite }) => suite.servers) ? await startServers() : async () => undefined;
  const faults: string[] = [];
  const zone = process.env["TZ"];
  try {
    for (const { suite, files } of chosen)
      for (const there of suite.zones) {
        if (signal.aborted) break;
        console.log(`\n${suite.name}${there === null ? "" : ` in ${there}`}`);
        if (there !== null) process.env["TZ"] = there;
        else if (zone !== undefined) process.env["TZ"] = zone;
        else delete process.env["TZ"];
        faults.push(...(await runFiles(suite, files, signal)));
      }
  } finally {
    await stop();
  }
  return faults;
};

const interrupted = new AbortController();
// The second time it ends at once; the servers end with it.
void firstSignal().then(() => interrupted.abort());
process.once("SIGHUP", () => interrupted.abort());

try {
  const faults = await runAll(process.argv.slice(2), interrupted.signal);
  for (const fault of faults) console.error(fault);
  process.exitCode = interrupted.signal.aborted ? EXIT_INTERRUPTED : faults.length > 0 ? 1 : 0;
} catch (error) {
  if (!(error instanceof EmbeddedError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
