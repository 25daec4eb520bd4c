import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { before, test } from "node:test";
import { type Config, readConfig } from "../../src/config.ts";
import { examine } from "../../src/doctor/examine.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { skewFinding } from "../../src/doctor/ledger-findings.ts";
import { startApi } from "../../src/processes/api.ts";
import { newSecret } from "../../src/senders/signature.ts";
import { atEnd } from "../support/at-end.ts";
import { inDays } from "../support/days.ts";
import { bareEnvironment } from "../support/bare-environment.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { connectRedis, privateRedis, temporaryFolder } from "../support/servers.ts";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");

const WEBHOOK = { url: "https://hooks.example.com/forewarn", secret: newSecret() };

let pipeline: Pipeline;
let config: Config;
/** An address where nothing listens. */
let nowhere: number;

before(async () => {
  pipeline = await startPipeline({ running: false });
  const dataFolder = await temporaryFolder();
  const parts = { ...pipeline.parts, config: { ...pipeline.parts.config, port: 0, dataFolder } };
  const api = await startApi(parts);
  atEnd(() => api.stop());
  const redisServer = await privateRedis();
  config = { ...parts.config, contact: "api-team@provider.example", publicUrl: api.address, redisUrl: redisServer.url };
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, "127.0.0.1", done));
  nowhere = (probe.address() as AddressInfo).port;
  await new Promise((done) => probe.close(done));
});

const look = (changed: Partial<Config> = {}): Promise<Finding[]> => examine({ ...config, ...changed }, null);
/** What is not good, as `part: state`. */
const ills = async (changed: Partial<Config> = {}): Promise<string[]> =>
  (await look(changed)).filter(({ state }) => state !== "good").map(({ part, state }) => `${part}: ${state}`);
const finding = async (part: string, changed: Partial<Config> = {}): Promise<Finding> => {
  const found = (await look(changed)).find((it) => it.part === part);
  assert.ok(found, part);
  return found;
};

test("a healthy installation has nothing to be said against any part", async () => {
  const findings = await look();
  assert.deepEqual(
    findings.map(({ part, state }) => [part, state]),
    [
      "postgres",
      "schema",
      "clock",
      "sending",
      "due notices",
      "chunks",
      "own alerts",
      "redis",
      "redis settings",
      "smtp",
      "own contact",
      "data folder",
      "policy",
      "templates",
      "public address",
    ].map((part) => [part, "good"]),
  );
});

test("servers that cannot be reached are broken, each with the setting to check", async () => {
  const changed = {
    databaseUrl: `postgres://nobody@127.0.0.1:${nowhere}/none`,
    redisUrl: `redis://127.0.0.1:${nowhere}`,
    smtpUrl: `smtp://127.0.0.1:${nowhere}`,
    publicUrl: `http://127.0.0.1:${nowhere}`,
  };
  const bad = (await look(changed)).filter(({ state }) => state === "broken");
  assert.deepEqual(
    bad.map(({ part, remedy }) => [part, /DATABASE_URL|REDIS_URL|SMTP_URL|PUBLIC_URL/.exec(remedy ?? "")?.[0]]),
    [
      ["postgres", "DATABASE_URL"],
      ["redis", "REDIS_URL"],
      ["smtp", "SMTP_URL"],
      ["public address", "PUBLIC_URL"],
    ],
  );
  for (const { says } of bad) assert.match(says, /ECONNREFUSED/);
});

test("embedded servers that do not run are no fault", async () => {
  assert.deepEqual(await ills({ databaseUrl: undefined, redisUrl: undefined }), [
    "postgres: skipped",
    "redis: skipped",
  ]);
  const local = { url: config.publicUrl, pid: 1, databaseUrl: config.databaseUrl, redisUrl: config.redisUrl };
  const found = await examine({ ...config, databaseUrl: undefined, redisUrl: undefined }, local);
  assert.deepEqual(
    found.filter(({ state }) => state !== "good"),
    [],
    "those that run are looked at",
  );
});

test("Redis settings that lose jobs are broken, with the command that mends each", async () => {
  const redis = connectRedis(config.redisUrl ?? "");
  await redis.config("SET", "maxmemory-policy", "allkeys-lru");
  await redis.config("SET", "appendonly", "no");
  const bad = (await look()).filter(({ state }) => state === "broken");
  await redis.config("SET", "maxmemory-policy", "noeviction");
  await redis.config("SET", "appendonly", "yes");
  assert.deepEqual(
    bad.map(({ part, remedy }) => [part, remedy]),
    [
      ["redis maxmemory-policy", "run: redis-cli CONFIG SET maxmemory-policy noeviction"],
      ["redis appendonly", "run: redis-cli CONFIG SET appendonly yes"],
    ],
  );
});

test("a schema that is missing, older or newer is told apart", async () => {
  const { sql } = pipeline;
  const standing = async (): Promise<string> => (await finding("schema")).state;
  await sql.query("UPDATE drizzle.__drizzle_migrations SET created_at = created_at + 1");
  assert.equal(await standing(), "broken");
  await sql.query("UPDATE drizzle.__drizzle_migrations SET created_at = created_at - 2");
  assert.match((await finding("schema")).says, /older/);
  await sql.query("UPDATE drizzle.__drizzle_migrations SET created_at = created_at + 1");
  assert.equal(await standing(), "good");
});

test("clocks a few seconds apart are doubtful, a minute apart they are broken", () => {
  assert.deepEqual(
    [3, -1_999, 2_000, -59_000, 60_000].map((ms) => skewFinding(ms).state),
    ["good", "good", "doubtful", "doubtful", "broken"],
  );
  assert.match(skewFinding(61_000).says, /61\.0 s behind the database's/);
  assert.match(skewFinding(-2_500).says, /2\.5 s ahead of the database's/);
});

test("what is overdue and chunks without a sender are broken", async () => {
  await pipeline.sql.query(
    `INSERT INTO notices (id, kind, lane, audience, due_at, fan_out_at, status)
     VALUES ('late', 'test', 'routine', 'all', now(), now() - interval '2 minutes', 'planned')`,
  );
  await pipeline.sql.query(
    "INSERT INTO chunks (id, lane, channel, state, leased_until) VALUES (1, 'routine', 'email', 'running', now() - interval '2 minutes')",
  );
  assert.deepEqual(await ills(), ["due notices: broken", "chunks: broken"]);
  await pipeline.sql.query("DELETE FROM notices");
  await pipeline.sql.query("DELETE FROM chunks");
});

test("a pause is doubtful, with how many deliveries wait behind it and what ends it", async () => {
  const { sql } = pipeline;
  await sql.query("UPDATE installation SET paused_at = '2026-11-20T10:00:00Z'");
  const all = await finding("sending");
  assert.deepEqual(
    [all.state, all.says, all.remedy],
    [
      "doubtful",
      "all is paused since 2026-11-20T10:00:00.000Z, emergencies too: 0 deliveries wait",
      "run: forewarn resume",
    ],
  );
  await sql.query("UPDATE installation SET paused_at = NULL");
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.announce({
    change: "CHG-9",
    category: "major",
    service: "reports",
    title: "t",
    releaseAt: inDays(60),
  });
  await sql.query("UPDATE changes SET paused_at = now()");
  const notice =
    "INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status, fan_out_started_at, fanned_out_at)";
  await sql.query(
    `WITH n AS (${notice} VALUES ('held', 'CHG-9', 1, 'announcement', 'routine', 'all', now(), now(), 'sending', now(), now()) RETURNING no)
     INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
     SELECT n.no, e.no, 'routine', 'webhook', now() FROM n, endpoints e`,
  );
  const one = await finding("sending");
  assert.match(one.says, /^paused: CHG-9 since 20.*Z: 1 delivery waits$/);
  assert.deepEqual([one.state, one.remedy], ["doubtful", "run: forewarn resume CHANGE"]);
  await sql.query("DELETE FROM deliveries; DELETE FROM notices; UPDATE changes SET paused_at = NULL");
});

test("a server that runs from the data folder is believed about its settings, and one that is gone is not", async () => {
  const settings = {
    publicUrl: config.publicUrl,
    contactWays: ["mail", "webhook"],
    sendsMail: true,
    policyFile: undefined,
    templatesFolder: undefined,
  };
  const local = { url: config.publicUrl, pid: 1, databaseUrl: config.databaseUrl, redisUrl: config.redisUrl, settings };
  const bare = { ...readConfig({}), dataFolder: config.dataFolder };
  const seen = async (it: typeof local): Promise<string[]> =>
    (await examine(bare, it)).filter(({ state }) => state !== "good").map(({ part, state }) => `${part}: ${state}`);
  assert.deepEqual(await seen(local), []);
  assert.deepEqual(await seen({ ...local, settings: { ...settings, contactWays: ["mail"], sendsMail: false } }), [
    "smtp: doubtful",
    "own contact: doubtful",
  ]);
  assert.deepEqual(await seen({ ...local, url: `http://127.0.0.1:${nowhere}` }), [
    "server: doubtful",
    "smtp: doubtful",
    "own contact: doubtful",
    "public address: broken",
  ]);
  const elsewhere = await examine(bare, { ...local, databaseUrl: undefined, redisUrl: undefined });
  assert.deepEqual(
    elsewhere.filter(({ part }) => part === "postgres" || part === "redis").map(({ state }) => state),
    ["good", "good"],
    "servers whose address this shell does not know answer the running one",
  );
});

test("secrets that others may read, a wrong policy and a faulty template are broken, with the fault", async () => {
  const folder = join(await temporaryFolder(), "data");
  await mkdir(folder, { mode: 0o755 });
  await chmod(folder, 0o755);
  assert.equal((await finding("data folder", { dataFolder: folder })).state, "doubtful");
  await writeFile(join(folder, "secret"), randomBytes(48).toString("base64"), { mode: 0o644 });
  await chmod(join(folder, "secret"), 0o644);
  const open = await finding("data folder", { dataFolder: folder });
  assert.deepEqual([open.state, open.remedy], ["broken", `run: chmod 600 '${join(folder, "secret")}'`]);

  const policyFile = join(folder, "policy.json");
  await writeFile(policyFile, JSON.stringify({ timeZone: "Nowhere/Here" }));
  assert.match((await finding("policy", { policyFile })).says, /timeZone/);

  await writeFile(join(folder, "notice.text.liquid"), "{{ title | nonsense }}");
  const template = await finding("templates", { templatesFolder: folder });
  assert.deepEqual([template.state, /notice\.text\.liquid, line 1/.test(template.says)], ["broken", true]);
});

test("without SMTP_URL mails wait: doubtful, not broken", async () => {
  assert.deepEqual(await ills({ smtpUrl: undefined, contact: undefined, contactWebhook: WEBHOOK }), ["smtp: doubtful"]);
});

test("without anybody of the provider's own to tell it is doubtful, and alerts that nobody takes are broken", async () => {
  assert.deepEqual(await ills({ contact: undefined }), ["own contact: doubtful"]);
  assert.match((await finding("own contact", { contactWebhook: WEBHOOK })).says, /by mail and webhook$/);
  assert.match((await finding("own contact", { smtpUrl: undefined })).says, /the mails wait/);

  await pipeline.addService("payments");
  await pipeline.announce({ change: "CHG-1", category: "normal", service: "payments", title: "Tokens expire" });
  await pipeline.sql.query("DELETE FROM revisions WHERE planned_at IS NULL");
  await pipeline.sql.query(
    `INSERT INTO provider_alerts (channel, kind, change, subject, body, facts, dedupe, attempts, error)
     VALUES ('webhook', 'short', 'CHG-1', 's', 'b', '{}', 'd', 1, '503: the receiver failed')`,
  );
  const { state, says } = await finding("own alerts");
  assert.deepEqual([state, says], ["broken", "1 could not be told to your contact: webhook: 503: the receiver failed"]);
  await pipeline.sql.query("DELETE FROM provider_alerts");
});

test("the command exits 1 when something is broken, and 0 when all is well", async () => {
  const doctor = async (env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [MAIN, "doctor", "--json"], {
      env: {
        ...bareEnvironment(),
        DATABASE_URL: config.databaseUrl,
        REDIS_URL: config.redisUrl,
        FOREWARN_SECRET: config.secret,
        FOREWARN_DATA: config.dataFolder,
        SMTP_URL: config.smtpUrl,
        FOREWARN_CONTACT: config.contact,
        PUBLIC_URL: config.publicUrl,
        ...env,
      },
    });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    const answer = JSON.parse(out) as { status: string; findings: Finding[] };
    const bad = answer.findings.filter(({ state }) => state === "broken").map(({ part }) => part);
    return { code, status: answer.status, bad, err };
  };
  assert.deepEqual(await doctor(), { code: 0, status: "good", bad: [], err: "" });
  const { err, ...ill } = await doctor({ REDIS_URL: `redis://127.0.0.1:${nowhere}` });
  assert.deepEqual(ill, { code: 1, status: "broken", bad: ["redis"] });
  assert.match(err, /1 part is broken/);
});

test("the defaults of an installation that was never started are no fault", async () => {
  const found = await examine(
    { ...readConfig({}), publicUrl: config.publicUrl, dataFolder: "/nonexistent/forewarn" },
    null,
  );
  assert.deepEqual(
    found.filter(({ state }) => state === "broken"),
    [],
  );
});
