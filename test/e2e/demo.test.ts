import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { bareEnvironment } from "../support/bare-environment.ts";
import { until } from "../support/until.ts";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");
const SALESFORCE = /salesforce-21-30.*\n +refused: releaseAt: is neither a date nor a time/;
const folders: string[] = [];
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Processes that work in `folder` or name it in their command: the demo itself and the servers that it started. */
const processesOf = (folder: string): string[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return command !== "" && `${command}\0${readlinkSync(`/proc/${pid}/cwd`)}`.includes(folder);
      } catch {
        return false; // It ended meanwhile.
      }
    });

const demo = (args: string[]) => {
  const folder = mkdtempSync(join(tmpdir(), "forewarn-demo-"));
  folders.push(folder);
  const child = spawn(process.execPath, [MAIN, "demo", ...args], {
    cwd: folder,
    env: bareEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let said = "";
  child.stdout.on("data", (part: Buffer) => (said += part.toString()));
  const ended = Promise.all([
    text(child.stderr),
    new Promise<number | NodeJS.Signals | null>((done) => child.once("exit", (code, signal) => done(signal ?? code))),
  ]).then(([err, code]) => ({ err, code }));
  return { folder, child, said: () => said, ended };
};

/** What a run leaves: its mails and its log, none of its servers' files and no process. */
const assertTidy = (folder: string): string[] => {
  const own = readdirSync(join(folder, ".forewarn/demo"));
  assert.equal(own.length, 1);
  const run = join(folder, ".forewarn/demo", own[0] ?? "");
  assert.deepEqual(readdirSync(run).sort(), ["forewarn.log", "mails"]);
  if (existsSync("/proc")) assert.deepEqual(processesOf(folder), []);
  return readdirSync(join(run, "mails"));
};

test("demo --once --month 2s plays every real change, counts every arrival, exits 0 and leaves nothing running", async () => {
  const run = demo(["--once", "--month", "2s"]);
  if (existsSync("/proc"))
    await until(() => processesOf(run.folder).length > 2, { deadlineMs: 60_000, what: "servers of the demo's own" });
  const { code, err } = await run.ended;
  assert.equal(code, 0, run.said() + err);
  const counts =
    /all that was due has arrived: (\d+) of (\d+) mails, (\d+) of (\d+) webhooks, every signature valid/.exec(
      run.said(),
    );
  assert.ok(counts, run.said());
  const [mails = 0, mailsSent, webhooks = 0, webhooksSent] = counts.slice(1).map(Number);
  assert.deepEqual([mails, webhooks], [mailsSent, webhooksSent]);
  assert.ok(mails > 200 && webhooks > 200, "reminders fired, not announcements alone");
  for (const says of [
    SALESFORCE,
    /−2 months +\d+ mails/,
    /rescheduled/,
    /came in by the queue/,
    /\n +normal · no minimum notice\n +told to nobody/,
  ])
    assert.match(run.said(), says);
  const files = assertTidy(run.folder);
  assert.ok(files.includes("index.html"));
  assert.ok(files.filter((file) => file.endsWith(".eml")).length >= mails);
});

test("without --once the demo stays up until Ctrl-C, then stops all of it and exits 0", async () => {
  const run = demo([]);
  await until(() => run.said().includes("everything stays up until Ctrl-C"), {
    deadlineMs: 120_000,
    what: "the summary",
  });
  const [, url] = /docs +(http:\S+)/.exec(run.said()) ?? [];
  assert.equal((await fetch(url ?? "")).status, 200);
  assert.match(run.said(), /\n {2}Waiting for\n/);
  run.child.kill("SIGINT");
  const { code, err } = await run.ended;
  assert.equal(code, 0, run.said() + err);
  assertTidy(run.folder);
});
