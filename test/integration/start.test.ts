import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { bareEnvironment } from "../support/bare-environment.ts";
import { until } from "../support/until.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "forewarn-start-"));
const env = { ...bareEnvironment(), FOREWARN_DATA: folder, PORT: "0" };
const children = new Set<ChildProcess>();
const spawned = (args: string[], more: NodeJS.ProcessEnv = {}): ChildProcess => {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...env, ...more } });
  children.add(child);
  return child;
};
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

type Ended = { code: number | null; signal: NodeJS.Signals | null };
const ending = (child: ChildProcess): Promise<Ended> =>
  new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
const output = async (args: string[]): Promise<string> => {
  const child = spawned(args);
  const [out, err, end] = await Promise.all([
    child.stdout ? text(child.stdout) : "",
    child.stderr ? text(child.stderr) : "",
    ending(child),
  ]);
  assert.equal(end.code, 0, err);
  return out;
};

const started = async (
  more: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; said: () => string; url: string }> => {
  const child = spawned(["start"], more);
  let said = "";
  child.stderr?.on("data", (part: Buffer) => (said += part.toString()));
  child.stdout?.resume();
  await until(() => existsSync(join(folder, "server.json")), {
    deadlineMs: 60_000,
    what: `the start; it said: ${said}`,
  });
  const { url } = JSON.parse(readFileSync(join(folder, "server.json"), "utf8")) as { url: string };
  return { child, said: () => said, url };
};

test("a first start that fails leaves the admin key to the next one to show", async () => {
  const data = join(folder, "failed-first");
  const other = createServer();
  await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
  const port = String((other.address() as AddressInfo).port);
  const failed = spawned(["start"], { FOREWARN_DATA: data, PORT: port });
  const [said, end] = await Promise.all([failed.stderr ? text(failed.stderr) : "", ending(failed)]);
  other.close();
  assert.equal(end.code, 1, said);
  const key = readFileSync(join(data, "admin-key"), "utf8").trim();
  assert.ok(!said.includes(key));
  const run = async (): Promise<string> => {
    const child = spawned(["start"], { FOREWARN_DATA: data });
    let words = "";
    child.stderr?.on("data", (part: Buffer) => (words += part.toString()));
    child.stdout?.resume();
    await until(() => words.includes("mails wait"), { deadlineMs: 60_000, what: "the start" });
    child.kill("SIGTERM");
    await ending(child);
    return words;
  };
  assert.equal((await run()).split(key).length, 2, "it is shown once");
  assert.ok(!(await run()).includes(key), "and then no more");
});

test("start runs everything from one folder, drains on SIGTERM, and finds all of it again at the next start", async () => {
  const first = await started();
  const key = readFileSync(join(folder, "admin-key"), "utf8").trim();
  for (const file of ["admin-key", "secret"]) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  await until(() => first.said().includes(`listens at ${first.url}`) && first.said().includes(key), {
    deadlineMs: 10_000,
    what: "the address and the key",
  });
  assert.equal(first.said().split(key).length, 2, "the admin key is shown once");
  assert.match(await output(["services", "add", "api", "--title", "Core API"]), /api: Core API/);
  await output(["pause"]);

  const end = ending(first.child);
  const askedAt = performance.now();
  first.child.kill("SIGTERM");
  assert.deepEqual(await end, { code: 0, signal: null });
  assert.ok(performance.now() - askedAt < 20_000);
  assert.ok(!existsSync(join(folder, "server.json")));

  const second = await started();
  assert.match(await output(["services", "list"]), /api +Core API/);
  await until(() => second.said().includes("! all sending is paused since"), {
    deadlineMs: 10_000,
    what: "the word that a pause outlived the restart",
  });
  assert.ok(!second.said().includes(key), "a later start shows no key");
  assert.equal(await output(["resume"]), "resumed everything: what is due goes out\n");
  const endAgain = ending(second.child);
  second.child.kill("SIGINT");
  assert.deepEqual(await endAgain, { code: 0, signal: null });
});

test("with an admin key given and any free port, the local command line still finds both, and problems link to where it listens", async () => {
  const run = await started({ FOREWARN_ADMIN_KEY: "given-by-the-operator-1" });
  assert.equal(readFileSync(join(folder, "admin-key"), "utf8").trim(), "given-by-the-operator-1");
  assert.equal(statSync(join(folder, "admin-key")).mode & 0o777, 0o600);
  assert.match(await output(["services", "list"]), /api +Core API/);
  const problem = (await (await fetch(`${run.url}/v1/changes`)).json()) as { type: string };
  assert.equal(problem.type, `${run.url}/problems/unauthorized`);
  assert.notEqual(new URL(run.url).port, "0");
  await until(() => run.said().includes("listens at"), { deadlineMs: 10_000, what: "the address" });
  assert.ok(!run.said().includes("DeprecationWarning"), run.said());
  const end = ending(run.child);
  run.child.kill("SIGTERM");
  assert.deepEqual(await end, { code: 0, signal: null });
});

test("a policy file or a template with faults stops the start with 78, every fault named, before anything is written", async () => {
  const data = join(folder, "never-made");
  const file = join(folder, "policy.json");
  writeFileSync(file, JSON.stringify({ sendAt: "9", categories: { major: { minimumNotice: "1M" } }, timezone: "UTC" }));
  const child = spawned(["start"], { FOREWARN_POLICY: file, FOREWARN_DATA: data });
  const [said, end] = await Promise.all([child.stderr ? text(child.stderr) : "", ending(child)]);
  assert.equal(end.code, 78);
  for (const fault of [/sendAt: .*09:00/, /categories\.major\.minimumNotice: .*P1M/, /timezone: .*timeZone/])
    assert.match(said, fault);
  assert.ok(!existsSync(data));
  rmSync(file);
  writeFileSync(join(folder, "notice.html.liquid"), "{% if title %}");
  const templates = spawned(["start"], { FOREWARN_TEMPLATES: folder, FOREWARN_DATA: data });
  const [fault, ended] = await Promise.all([templates.stderr ? text(templates.stderr) : "", ending(templates)]);
  assert.equal(ended.code, 78);
  assert.match(fault, /FOREWARN_TEMPLATES .*notice\.html\.liquid, line 1: tag \{% if title %\} not closed/);
  assert.ok(!existsSync(data));
});
