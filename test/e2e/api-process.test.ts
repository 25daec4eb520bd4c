import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bareEnvironment } from "../support/bare-environment.ts";
import { freshDatabase, privateRedis, temporaryFolder } from "../support/servers.ts";
import { atEnd } from "../support/at-end.ts";
import { until } from "../support/until.ts";

const MAIN = fileURLToPath(new URL("../../src/http/main.ts", import.meta.url));

type Run = { child: ChildProcess; out: () => string; err: () => string; ended: Promise<number | null> };

/** `npm run api` with nothing of this process's environment but the path. */
const runApi = (env: Record<string, string>): Run => {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...bareEnvironment(), HOST: "127.0.0.1", PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  atEnd(() => void child.kill("SIGKILL"));
  let out = "";
  let err = "";
  child.stdout?.on("data", (part: Buffer) => (out += part.toString()));
  child.stderr?.on("data", (part: Buffer) => (err += part.toString()));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return { child, out: () => out, err: () => err, ended };
};

test("npm run api serves, shows the first key once, takes an event end to end, and exits 0 on SIGTERM", async () => {
  const dataFolder = await temporaryFolder();
  const env = {
    DATABASE_URL: await freshDatabase(),
    REDIS_URL: (await privateRedis()).url,
    FOREWARN_SECRET: "0123456789abcdef0123456789abcdef",
    FOREWARN_DATA: dataFolder,
  };
  const run = runApi(env);
  const address = await until(() => /"listening":"([^"]+)"/.exec(run.out())?.[1], {
    deadlineMs: 30_000,
    what: "the API listens",
  });
  const key = (await readFile(join(dataFolder, "admin-key"), "utf8")).trim();
  assert.equal(run.err().split(key).length, 2, "the key is shown once");
  assert.ok(!run.out().includes(key), "and never logged");

  const call = async (method: string, path: string, body?: unknown, type = "application/json") => {
    const reply = await fetch(`${address}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": type }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: reply.status,
      duplicate: reply.headers.get("forewarn-duplicate"),
      body: (await reply.json()) as Record<string, unknown>,
    };
  };
  const ready = await call("GET", "/readyz");
  assert.deepEqual([ready.status, ready.body["status"]], [200, "degraded"], "there is no relay");
  await call("PUT", "/v1/services/billing", { title: "Billing" });
  const event = {
    specversion: "1.0",
    id: "e1",
    source: "/billing",
    type: "forewarn.change.created",
    data: { change: "CHG-1", category: "normal", service: "billing", title: "A colour" },
  };
  const first = await call("POST", "/v1/events", event, "application/cloudevents+json");
  assert.deepEqual([first.status, first.body["status"], first.duplicate], [202, "recorded", null]);
  const again = await call("POST", "/v1/events", event, "application/cloudevents+json");
  assert.deepEqual([again.status, again.body, again.duplicate], [202, first.body, "true"]);
  const other = { ...event, data: { ...event.data, title: "Another" } };
  assert.equal((await call("POST", "/v1/events", other, "application/cloudevents+json")).status, 409);

  run.child.kill("SIGTERM");
  assert.equal(await run.ended, 0, run.err());

  const second = runApi(env);
  await until(() => /"listening":"([^"]+)"/.exec(second.out())?.[1], { deadlineMs: 30_000, what: "the API listens" });
  assert.ok(!second.err().includes("fw_"), "a later start shows no key");
  second.child.kill("SIGTERM");
  assert.equal(await second.ended, 0, second.err());
});

test("a wrong configuration ends the API with exit code 78 and a line for each fault", async () => {
  const run = runApi({ PORT: "http", REDIS_URL: "localhost", DATABASE_URL: "postgres://127.0.0.1/x" });
  assert.equal(await run.ended, 78);
  const lines = run
    .err()
    .trim()
    .split("\n")
    .filter((line) => /^[A-Z_]+ /.test(line));
  assert.deepEqual(lines.map((line) => line.split(" ")[0] ?? "").toSorted(), ["FOREWARN_SECRET", "PORT", "REDIS_URL"]);
});
