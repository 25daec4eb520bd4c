import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, test } from "node:test";
import { bareEnvironment } from "../support/bare-environment.ts";

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;
const KEY = "fw_0123456789ab_secret";

type Call = { method: string; path: string; query: URLSearchParams; headers: IncomingMessage["headers"]; body: string };
type Script = { status?: number; headers?: Record<string, string>; body: unknown };

const calls: Call[] = [];
let answers: Record<string, Script>;
let server: Server;
let url: string;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "forewarn-cli-"));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    const method = request.method ?? "";
    calls.push({ method, path: pathname, query: searchParams, headers: request.headers, body: await text(request) });
    const script = answers[`${method} ${pathname}${searchParams.get("cursor") ?? ""}`];
    const { status, headers, body } = script ?? { status: 404, body: { title: "not scripted", detail: pathname } };
    response.writeHead(status ?? 200, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  calls.length = 0;
  answers = {};
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

type Run = { code: number | null; out: string; err: string };
const ended = async (child: ChildProcess, input: string): Promise<Run> => {
  child.stdin?.end(input);
  const [out, err, code] = await Promise.all([
    child.stdout ? text(child.stdout) : "",
    child.stderr ? text(child.stderr) : "",
    new Promise<number | null>((resolve) => child.on("close", resolve)),
  ]);
  return { code, out, err };
};

/** Runs the real command line; its environment holds nothing but what is given. */
const forewarn = (args: string[], { env = {}, input = "" }: { env?: Record<string, string>; input?: string } = {}) =>
  ended(
    spawn(process.execPath, [MAIN, ...args], {
      env: { ...bareEnvironment(), FOREWARN_DATA: folder, FOREWARN_URL: url, FOREWARN_KEY: KEY, ...env },
    }),
    input,
  );

const PLAN = {
  change: "CHG-1",
  revision: 1,
  status: "announced",
  verdict: {
    status: "short",
    minimum: "P1M",
    noticeDays: 18,
    noticeMonths: 0,
    shortByDays: 12,
    earliestRelease: "2027-03-13",
  },
  notices: [
    {
      id: "CHG-1.r1.announcement",
      kind: "announcement",
      offset: null,
      dueAt: "2027-02-11T09:30:00.000Z",
      status: "planned",
    },
    {
      id: "CHG-1.r1.reminder-P14D",
      kind: "reminder",
      offset: "-P14D",
      dueAt: "2027-02-15T08:00:00.000Z",
      status: "planned",
    },
  ],
};

const FLAGS = [
  "--change",
  "CHG-1",
  "--category",
  "major",
  "--service",
  "api",
  "--title",
  "v1 retired",
  "--release-at",
  "2027-03-01",
];

test("emit spells a CloudEvents envelope from flags and prints the plan", async () => {
  answers["POST /v1/events"] = { status: 202, body: PLAN };
  const run = await forewarn(["emit", ...FLAGS, "--affects", "GET /v1/a", "GET /v1/b", "--no-business-critical"]);
  assert.equal(run.code, 0, run.err);
  const [call] = calls;
  assert.equal(call?.headers["content-type"], "application/cloudevents+json");
  assert.equal(call?.headers.authorization, `Bearer ${KEY}`);
  const { id, time, ...envelope } = JSON.parse(call?.body ?? "") as Record<string, unknown>;
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.deepEqual(envelope, {
    specversion: "1.0",
    source: "/forewarn/cli",
    type: "forewarn.change.created",
    data: {
      change: "CHG-1",
      category: "major",
      service: "api",
      title: "v1 retired",
      releaseAt: "2027-03-01",
      affects: ["GET /v1/a", "GET /v1/b"],
      businessCritical: false,
    },
  });
  assert.match(run.out, /short: 18 days \(0 months\) of P1M, 12 days short; earliest lawful release 2027-03-13/);
  assert.match(run.out, /2027-02-15 08:00 {2}reminder −P14D/);
  assert.ok(!run.out.includes("\u001b"), "no colours where nobody looks");
});

test("emit sends a file as it is, and standard input where no file is named", async () => {
  answers["POST /v1/events"] = { status: 202, headers: { "forewarn-duplicate": "true" }, body: PLAN };
  const envelope = { specversion: "1.0", id: "1", source: "/a", type: "forewarn.change.created", data: { x: 1 } };
  const file = join(folder, "event.json");
  writeFileSync(file, JSON.stringify(envelope));
  const fromFile = await forewarn(["emit", file, "--json"]);
  const fromInput = await forewarn(["emit"], { input: JSON.stringify(envelope) });
  assert.deepEqual([fromFile.code, fromInput.code], [0, 0], fromFile.err + fromInput.err);
  for (const call of calls) assert.deepEqual(JSON.parse(call.body), envelope);
  assert.equal(calls.length, 2);
  assert.deepEqual(JSON.parse(fromFile.out), PLAN);
  assert.match(fromInput.err, /accepted earlier/);
});

test("a list of events goes out as one batch; one refused event fails the command and is named", async () => {
  const refused = {
    title: "The input is not valid",
    status: 422,
    detail: "the event is not valid",
    errors: [{ path: "releaseAt", message: "is not a date" }],
  };
  answers["POST /v1/events"] = { status: 202, body: [PLAN, refused] };
  const run = await forewarn(["emit", "-"], { input: JSON.stringify([{ id: "1" }, { id: "2" }]) });
  assert.equal(run.code, 1);
  assert.equal(calls[0]?.headers["content-type"], "application/cloudevents-batch+json");
  assert.match(run.out, /CHG-1 {2}revision 1/);
  assert.match(
    run.err,
    /event 2 was refused: the event is not valid\n {2}releaseAt: is not a date\nforewarn: 1 of 2 events were refused/,
  );
});

test("preview asks for a dry run at the given time and says whom it would reach", async () => {
  answers["POST /v1/events"] = {
    body: { ...PLAN, recipients: { partners: 12, email: 9, webhook: 1, unreachable: 1 } },
  };
  const run = await forewarn(["preview", ...FLAGS, "--at", "2027-02-11T09:30:00Z"]);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(Object.fromEntries(calls[0]?.query ?? []), { dryRun: "true", at: "2027-02-11T09:30:00Z" });
  assert.match(run.out, /12 partners: 9 mails, 1 webhook; 1 partner unreachable/);
});

test("lists are paged through up to their limit, and say when there is more", async () => {
  const row = (change: string) => ({
    change,
    revision: 1,
    status: "announced",
    category: "major",
    service: "api",
    businessCritical: true,
    title: "t",
    releaseAt: "2027-03-01",
    verdict: PLAN.verdict,
  });
  answers["GET /v1/changes"] = { body: { items: [row("CHG-1"), row("CHG-2")], next: "c2" } };
  answers["GET /v1/changesc2"] = { body: { items: [row("CHG-3")], next: "c3" } };
  const run = await forewarn(["changes", "--category", "major", "--limit", "3"]);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(
    calls.map((call) => [call.query.get("category"), call.query.get("limit")]),
    [
      ["major", "3"],
      ["major", "1"],
    ],
  );
  assert.match(run.out, /CHG-3 +1 +announced +major \(critical\) +api +2027-03-01 +short +t/);
  assert.match(run.err, /the first 3 are shown; there are more/);
});

test("what others wrote cannot steer the terminal", async () => {
  answers["GET /v1/services"] = {
    body: { items: [{ service: "api", title: "a\u001b[2Jb\r\u202ec", businessCritical: false }], next: null },
  };
  const run = await forewarn(["services", "list"]);
  assert.equal(run.code, 0, run.err);
  assert.match(run.out, /api +ab c/);
  for (const evil of ["\u001b", "\r", "\u202e"]) assert.ok(!run.out.includes(evil));
});

test("partners import streams the file and keeps the new secrets in a private file", async () => {
  const secret = {
    partner: "acme",
    endpoint: "ep_1",
    channel: "webhook",
    address: "https://acme.example/hook",
    secret: "whsec_x",
  };
  answers["POST /v1/partners/import"] = {
    body: `${JSON.stringify(secret)}\n`,
    headers: { "content-type": "application/x-ndjson" },
  };
  const csv = join(folder, "partners.csv");
  const secrets = join(folder, "secrets.ndjson");
  writeFileSync(csv, "partner,name,email\nacme,Acme,api@acme.example\n");
  const run = await forewarn(["partners", "import", csv, "--secrets", secrets]);
  assert.equal(run.code, 0, run.err);
  assert.equal(calls[0]?.headers["content-type"], "text/csv");
  assert.equal(calls[0]?.body, readFileSync(csv, "utf8"));
  assert.deepEqual(JSON.parse(readFileSync(secrets, "utf8")), secret);
  assert.equal(statSync(secrets).mode & 0o777, 0o600);
  assert.doesNotMatch(run.out + run.err, /whsec_/);
  const piped = await forewarn(["partners", "import", "-", "--format", "ndjson", "--json"], { input: "{}\n" });
  assert.equal(piped.code, 0, piped.err);
  assert.equal(calls[1]?.headers["content-type"], "application/x-ndjson");
  assert.deepEqual(JSON.parse(piped.out), secret);
});

test("an import sends nothing when its secrets could not be written, and leaves no empty file when it is refused", async () => {
  const csv = join(folder, "again.csv");
  const secrets = join(folder, "again.ndjson");
  writeFileSync(csv, "partner\n");
  writeFileSync(secrets, "precious");
  const kept = await forewarn(["partners", "import", csv, "--secrets", secrets]);
  assert.equal(kept.code, 2);
  assert.match(kept.err, /again\.ndjson cannot be written: it exists already; nothing was sent/);
  assert.deepEqual([calls.length, readFileSync(secrets, "utf8")], [0, "precious"]);
  rmSync(secrets);
  const refused = await forewarn(["partners", "import", csv, "--secrets", secrets]);
  assert.deepEqual([refused.code, existsSync(secrets)], [1, false]);
});

test("a refusal is a line per fault on standard error, and one JSON object with --json", async () => {
  answers["POST /v1/partners/import"] = {
    status: 422,
    body: {
      title: "The input is not valid",
      detail: "2 lines are wrong",
      errors: [
        { path: "timeZone", message: "is no zone", line: 2 },
        { path: "email", message: "is no address", line: 3 },
      ],
    },
  };
  const csv = join(folder, "bad.csv");
  writeFileSync(csv, "partner\n");
  const run = await forewarn(["partners", "import", csv]);
  assert.deepEqual([run.code, run.out], [1, ""]);
  assert.equal(run.err, "forewarn: 2 lines are wrong\n  line 2 timeZone: is no zone\n  line 3 email: is no address\n");
  const asJson = await forewarn(["partners", "import", csv, "--json"]);
  assert.equal(asJson.code, 1);
  assert.deepEqual((JSON.parse(asJson.err) as { errors: unknown[] }).errors.length, 2);
});

test("keys create prints the key alone on standard output", async () => {
  answers["POST /v1/keys"] = {
    status: 201,
    body: { key: "k1", name: "billing", scopes: ["emit"], secret: "fw_k1_s", createdAt: "2027-01-01T00:00:00Z" },
  };
  answers["DELETE /v1/keys/k1"] = { status: 204, body: "" };
  const made = await forewarn(["keys", "create", "--name", "billing", "--scope", "emit"]);
  assert.deepEqual([made.code, made.out], [0, "fw_k1_s\n"], made.err);
  assert.deepEqual(JSON.parse(calls[0]?.body ?? ""), { name: "billing", scopes: ["emit"] });
  const revoked = await forewarn(["keys", "revoke", "k1"]);
  assert.deepEqual([revoked.code, revoked.out], [0, "revoked k1\n"], revoked.err);
});

test("pause and resume hold one change or all", async () => {
  for (const path of ["/v1/pause", "/v1/resume", "/v1/changes/CHG-1/pause", "/v1/changes/CHG-1/resume"])
    answers[`POST ${path}`] = { body: {} };
  for (const args of [["pause"], ["resume"], ["pause", "CHG-1"], ["resume", "CHG-1"]]) {
    const run = await forewarn(args);
    assert.equal(run.code, 0, run.err);
  }
  assert.deepEqual(
    calls.map((call) => call.path),
    ["/v1/pause", "/v1/resume", "/v1/changes/CHG-1/pause", "/v1/changes/CHG-1/resume"],
  );
});

test("without FOREWARN_URL it finds the data folder's own server and key", async () => {
  const local = join(folder, "local");
  mkdirSync(local);
  answers["GET /v1/services"] = { body: { items: [], next: null } };
  const env = { FOREWARN_URL: "", FOREWARN_KEY: "", FOREWARN_DATA: local };
  const none = await forewarn(["services", "list"], { env });
  assert.equal(none.code, 1);
  assert.match(none.err, /^forewarn: no server runs from .*: start it with `npm start`, or set FOREWARN_URL/);
  writeFileSync(join(local, "server.json"), JSON.stringify({ url, pid: process.pid }));
  writeFileSync(join(local, "admin-key"), `${KEY}\n`);
  const found = await forewarn(["services", "list"], { env });
  assert.equal(found.code, 0, found.err);
  assert.equal(calls[0]?.headers.authorization, `Bearer ${KEY}`);
});

test("the local admin key is never sent to another server", async () => {
  answers["GET /v1/services"] = { body: { items: [], next: null } };
  writeFileSync(join(folder, "admin-key"), `${KEY}\n`);
  await forewarn(["services", "list"], { env: { FOREWARN_KEY: "" } });
  assert.equal(calls[0]?.headers.authorization, undefined);
});

test("a server that is not there, or does not know the key, is one line that says what to do", async () => {
  const refused = await forewarn(["changes"], { env: { FOREWARN_URL: "http://127.0.0.1:1" } });
  assert.deepEqual(
    [refused.code, refused.err],
    [
      1,
      "forewarn: nothing listens at http://127.0.0.1:1: start it with `npm start`, or set FOREWARN_URL to where it runs\n",
    ],
  );
  answers["GET /v1/changes"] = {
    status: 401,
    body: { title: "A valid API key is needed", detail: "this key is not known" },
  };
  const unknown = await forewarn(["changes"]);
  assert.deepEqual(
    [unknown.code, unknown.err],
    [1, "forewarn: this key is not known; set FOREWARN_KEY to a key that `forewarn keys create` showed\n"],
  );
});

test("wrong usage ends with exit code 2 and a suggestion", async () => {
  const cases: [args: string[], says: RegExp][] = [
    [["chnages"], /unknown command 'chnages'\n\(Did you mean changes\?\)/],
    [["changes", "--catgory", "major"], /unknown option '--catgory'\n\(Did you mean --category\?\)/],
    [["changes", "--category", "minor"], /Allowed choices are normal, major, emergency/],
    [["changes", "--limit", "0"], /Give a whole number from 1/],
    [["change"], /missing required argument 'id'/],
    [["emit", "a.json", "--change", "CHG-1"], /either a file or the event's flags/],
    [["emit", "--title", "x"], /--change is missing/],
    [["emit", join(tmpdir(), "forewarn-no-such-file.json")], /cannot be read: ENOENT/],
    [["partners", "import", "partners.txt"], /neither \.csv nor \.ndjson/],
    [["keys", "create", "--name", "x"], /required option '--scope/],
  ];
  const runs = await Promise.all(cases.map(([args]) => forewarn(args)));
  for (const [at, run] of runs.entries()) {
    assert.equal(run.code, 2, `${cases[at]?.[0].join(" ")}: ${run.err}`);
    assert.match(run.err, cases[at]?.[1] ?? /never/);
  }
  assert.equal(calls.length, 0);
});

test("config check names every fault of the environment and the policy file at once, exit code 78", async () => {
  const policy = join(folder, "policy.json");
  writeFileSync(policy, JSON.stringify({ timeZone: "Mars/Olympus", categories: { major: { notices: ["-P1Q"] } } }));
  const wrong = await forewarn(["config", "check"], {
    env: { PORT: "99999", LOG_LEVEL: "loud", FOREWARN_POLICY: policy },
  });
  assert.equal(wrong.code, 78);
  for (const says of [/PORT: is above 65535/, /LOG_LEVEL: is not a level/]) assert.match(wrong.err, says);
  const policyWrong = await forewarn(["config", "check", "--policy", policy]);
  assert.equal(policyWrong.code, 78);
  for (const says of [/policy\.json: timeZone: /, /policy\.json: categories\.major\.notices\[0\]: /])
    assert.match(policyWrong.err, says);
  const good = await forewarn(["config", "check"]);
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /the configuration is good/);
});

test("every command's help has an example", async () => {
  const commands = [
    "start",
    "config check",
    "emit",
    "preview",
    "changes",
    "change",
    "deliveries",
    "partners import",
    "partners list",
    "services add",
    "services list",
    "keys create",
    "keys list",
    "keys revoke",
    "pause",
    "resume",
  ];
  const helps = await Promise.all(commands.map((name) => forewarn([...name.split(" "), "--help"])));
  for (const [at, help] of helps.entries()) {
    assert.equal(help.code, 0, help.err);
    assert.match(help.out, /Examples?:\n {2}\$ /, commands[at] ?? "");
  }
});
