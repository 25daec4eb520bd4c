import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, beforeEach, test } from "node:test";
import { type CommandLine, KEY, startCommandLine } from "../support/command-line.ts";

let cli: CommandLine;

before(async () => {
  cli = await startCommandLine();
});
beforeEach(() => cli.forget());

test("what others wrote cannot steer the terminal", async () => {
  cli.answers["GET /v1/services"] = {
    body: { items: [{ service: "api", title: "a\u001b[2Jb\r\u202ec", businessCritical: false }], next: null },
  };
  const run = await cli.forewarn(["services", "list"]);
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
  cli.answers["POST /v1/partners/import"] = {
    body: `${JSON.stringify(secret)}\n`,
    headers: { "content-type": "application/x-ndjson", "forewarn-partners": "3", "forewarn-created": "1" },
  };
  const csv = join(cli.folder, "partners.csv");
  const secrets = join(cli.folder, "secrets.ndjson");
  writeFileSync(csv, "partner,name,email\nacme,Acme,api@acme.example\n");
  const run = await cli.forewarn(["partners", "import", csv, "--secrets", secrets]);
  assert.equal(run.code, 0, run.err);
  assert.equal(cli.calls[0]?.headers["content-type"], "text/csv");
  assert.equal(cli.calls[0]?.body, readFileSync(csv, "utf8"));
  assert.deepEqual(JSON.parse(readFileSync(secrets, "utf8")), secret);
  assert.equal(statSync(secrets).mode & 0o777, 0o600);
  assert.match(run.err, /partners\.csv: 1 partner created, 2 updated; 1 new webhook, secrets in /);
  assert.doesNotMatch(run.out + run.err, /whsec_/);
  const piped = await cli.forewarn(["partners", "import", "-", "--format", "ndjson", "--json"], { input: "{}\n" });
  assert.equal(piped.code, 0, piped.err);
  assert.equal(cli.calls[1]?.headers["content-type"], "application/x-ndjson");
  assert.deepEqual(JSON.parse(piped.out), secret);
});

test("an import sends nothing when its secrets could not be written, and leaves no empty file when it is refused", async () => {
  const csv = join(cli.folder, "again.csv");
  const secrets = join(cli.folder, "again.ndjson");
  writeFileSync(csv, "partner\n");
  writeFileSync(secrets, "precious");
  const kept = await cli.forewarn(["partners", "import", csv, "--secrets", secrets]);
  assert.equal(kept.code, 2);
  assert.match(kept.err, /again\.ndjson cannot be written: it exists already; nothing was sent/);
  assert.deepEqual([cli.calls.length, readFileSync(secrets, "utf8")], [0, "precious"]);
  rmSync(secrets);
  const refused = await cli.forewarn(["partners", "import", csv, "--secrets", secrets]);
  assert.deepEqual([refused.code, existsSync(secrets)], [1, false]);
});

test("a refusal is a line per fault on standard error, and one JSON object with --json", async () => {
  cli.answers["POST /v1/partners/import"] = {
    status: 422,
    body: {
      title: "The input is not valid",
      detail: "2 lines are wrong",
      errors: [
        { path: "line 2: timeZone", message: "is no zone", line: 2 },
        { path: "line 3: email", message: "is no address", line: 3 },
        { path: "line 4", message: "has fewer cells", line: 4 },
      ],
    },
  };
  const csv = join(cli.folder, "bad.csv");
  writeFileSync(csv, "partner\n");
  const run = await cli.forewarn(["partners", "import", csv]);
  assert.deepEqual([run.code, run.out], [1, ""]);
  assert.equal(
    run.err,
    "forewarn: 2 lines are wrong\n  line 2: timeZone: is no zone\n  line 3: email: is no address\n  line 4: has fewer cells\n",
  );
  const asJson = await cli.forewarn(["partners", "import", csv, "--json"]);
  assert.equal(asJson.code, 1);
  assert.deepEqual((JSON.parse(asJson.err) as { errors: unknown[] }).errors[0], {
    path: "line 2: timeZone",
    message: "is no zone",
    line: 2,
  });
});

test("keys create prints the key alone on standard output", async () => {
  cli.answers["POST /v1/keys"] = {
    status: 201,
    body: { key: "k1", name: "billing", scopes: ["emit"], secret: "fw_k1_s", createdAt: "2027-01-01T00:00:00Z" },
  };
  cli.answers["DELETE /v1/keys/k1"] = { status: 204, body: "" };
  const made = await cli.forewarn(["keys", "create", "--name", "billing", "--scope", "emit"]);
  assert.deepEqual([made.code, made.out], [0, "fw_k1_s\n"], made.err);
  assert.deepEqual(JSON.parse(cli.calls[0]?.body ?? ""), { name: "billing", scopes: ["emit"] });
  const revoked = await cli.forewarn(["keys", "revoke", "k1"]);
  assert.deepEqual([revoked.code, revoked.out], [0, "revoked k1\n"], revoked.err);
});

test("pause and resume hold one change or all", async () => {
  for (const path of ["/v1/pause", "/v1/resume", "/v1/changes/CHG-1/pause", "/v1/changes/CHG-1/resume"])
    cli.answers[`POST ${path}`] = { body: {} };
  for (const args of [["pause"], ["resume"], ["pause", "CHG-1"], ["resume", "CHG-1"]]) {
    const run = await cli.forewarn(args);
    assert.equal(run.code, 0, run.err);
  }
  assert.deepEqual(
    cli.calls.filter(({ method }) => method === "POST").map((call) => call.path),
    ["/v1/pause", "/v1/resume", "/v1/changes/CHG-1/pause", "/v1/changes/CHG-1/resume"],
  );
});

test("a pause is told on top of changes, under a plan, at a resume that leaves one, and by pause --status", async () => {
  const since = "2026-11-20T10:00:00.000Z";
  cli.answers["GET /v1/pause"] = {
    body: { paused: true, pausedAt: since, waiting: 12, changes: [{ change: "CHG-1", pausedAt: since }] },
  };
  cli.answers["GET /v1/changes"] = { body: { items: [], next: null } };
  cli.answers["POST /v1/events"] = {
    body: { change: "CHG-2", revision: 1, status: "announced", verdict: null, notices: [] },
  };
  cli.answers["POST /v1/changes/CHG-2/resume"] = { body: {} };
  const all =
    "! all sending is paused since 2026-11-20 10:00 UTC, emergencies too: 12 deliveries wait; forewarn resume";
  const one = "! CHG-1 is paused since 2026-11-20 10:00 UTC: nothing of it is sent; forewarn resume CHG-1";
  const said = async (args: string[]): Promise<string[]> => {
    const run = await cli.forewarn(args);
    assert.equal(run.code, 0, run.err);
    return run.out.split("\n").filter((line) => line.startsWith("!"));
  };
  const emit = ["emit", "--change", "CHG-2", "--category", "normal", "--service", "api", "--title", "t"];
  assert.deepEqual(await said(["changes"]), [all, one]);
  assert.deepEqual(await said(["pause", "--status"]), [all, one]);
  assert.deepEqual(await said(emit), [all], "another change's pause does not concern this one");
  assert.deepEqual(await said(["resume", "CHG-2"]), [all]);
  cli.calls.length = 0;
  JSON.parse((await cli.forewarn([...emit, "--json"])).out);
  assert.deepEqual(
    cli.calls.map(({ path }) => path),
    ["/v1/events"],
    "programs are not kept waiting for it",
  );
  cli.answers["GET /v1/pause"] = { status: 403, body: { title: "not allowed" } };
  assert.deepEqual(await said(emit), [], "a key that may only emit is no fault");
});

test("a change shows the plan that is live, with revisions, and counts what ended until --all asks for it", async () => {
  const none = { waiting: 0, sent: 0, failed: 0, suppressed: 0, skipped: 0 };
  const notice = (revision: number, kind: string, { status, sent = 0 }: { status: string; sent?: number }) => ({
    id: `CHG-1.r${revision}.${kind}`,
    kind,
    offset: null,
    lane: "routine",
    dueAt: "2027-02-11T09:30:00.000Z",
    status,
    revision,
    counts: { email: { ...none, sent }, webhook: none },
  });
  cli.answers["GET /v1/changes/CHG-1"] = {
    body: {
      change: "CHG-1",
      revision: 3,
      status: "announced",
      category: "major",
      service: "api",
      title: "t",
      verdict: null,
      notices: [
        notice(1, "announcement", { status: "done", sent: 2 }),
        notice(1, "reminder", { status: "superseded" }),
        notice(2, "rescheduled", { status: "done" }),
        notice(2, "reminder", { status: "planned" }),
        notice(3, "amended", { status: "cancelled" }),
      ],
      revisions: [],
    },
  };
  const shown = async (...more: string[]): Promise<[rows: string[], last: string]> => {
    const run = await cli.forewarn(["change", "CHG-1", ...more]);
    assert.equal(run.code, 0, run.err);
    const lines = run.out.split("\n");
    const from = lines.findIndex((line) => line.startsWith("due (UTC)"));
    const table = lines.slice(from, lines.indexOf("", from));
    const rows = table.filter((line) => line.startsWith("20")).map((line) => line.split(/ {2,}/).slice(1, 3).join(" "));
    return [rows, table.at(-1) ?? ""];
  };
  const [live, count] = await shown();
  assert.deepEqual(live, ["announcement 1", "reminder 2", "amended 3"]);
  assert.equal(count, "2 notices of earlier revisions ended; forewarn change CHG-1 --all");
  assert.equal((await shown("--all"))[0].length, 5);
});

test("without FOREWARN_URL it finds the data folder's own server and key", async () => {
  const local = join(cli.folder, "local");
  mkdirSync(local);
  cli.answers["GET /v1/services"] = { body: { items: [], next: null } };
  const env = { FOREWARN_URL: "", FOREWARN_KEY: "", FOREWARN_DATA: local };
  const none = await cli.forewarn(["services", "list"], { env });
  assert.equal(none.code, 1);
  assert.match(none.err, /^forewarn: no server runs from .*: start it with `npm start`, or set FOREWARN_URL/);
  writeFileSync(join(local, "server.json"), JSON.stringify({ url: cli.url, pid: process.pid }));
  writeFileSync(join(local, "admin-key"), `${KEY}\n`);
  const found = await cli.forewarn(["services", "list"], { env });
  assert.equal(found.code, 0, found.err);
  assert.equal(cli.calls[0]?.headers.authorization, `Bearer ${KEY}`);
});

test("the local admin key is never sent to another server", async () => {
  cli.answers["GET /v1/services"] = { body: { items: [], next: null } };
  writeFileSync(join(cli.folder, "admin-key"), `${KEY}\n`);
  await cli.forewarn(["services", "list"], { env: { FOREWARN_KEY: "" } });
  assert.equal(cli.calls[0]?.headers.authorization, undefined);
});

test("a server that is not there, or does not know the key, is one line that says what to do", async () => {
  const refused = await cli.forewarn(["changes"], { env: { FOREWARN_URL: "http://127.0.0.1:1" } });
  assert.deepEqual(
    [refused.code, refused.err],
    [
      1,
      "forewarn: nothing listens at http://127.0.0.1:1: start it with `npm start`, or set FOREWARN_URL to where it runs\n",
    ],
  );
  cli.answers["GET /v1/changes"] = {
    status: 401,
    body: { title: "A valid API key is needed", detail: "this key is not known" },
  };
  const unknown = await cli.forewarn(["changes"]);
  assert.deepEqual(
    [unknown.code, unknown.err],
    [1, "forewarn: this key is not known; set FOREWARN_KEY to a key that `forewarn keys create` showed\n"],
  );
});

test("a partner is shown with its endpoints, their ids and status", async () => {
  cli.answers["GET /v1/partners/acme"] = {
    body: {
      partner: "acme",
      name: "Acme",
      locale: "en",
      timeZone: "UTC",
      holidays: [],
      subscriptions: ["*"],
      endpoints: [
        { endpoint: "ep_7", channel: "webhook", address: "https://a.example/h", role: "primary", status: "disabled" },
      ],
    },
  };
  const run = await cli.forewarn(["partners", "show", "acme"]);
  assert.equal(run.code, 0, run.err);
  assert.match(run.out, /^ep_7 +webhook +primary +disabled +https:\/\/a\.example\/h$/m);
});

test("deliveries to a partner who does not exist are a fault, to one who was not told an empty list", async () => {
  cli.answers["GET /v1/changes/CHG-1/deliveries"] = { body: { items: [], next: null } };
  const absent = { title: "There is no such thing", status: 404, detail: "there is no partner nope" };
  cli.answers["GET /v1/partners/nope"] = { status: 404, body: absent };
  cli.answers["GET /v1/partners/acme"] = { body: { partner: "acme" } };
  const nope = await cli.forewarn(["deliveries", "CHG-1", "--partner", "nope"]);
  assert.deepEqual([nope.code, nope.out, nope.err], [1, "", "forewarn: there is no partner nope\n"]);
  const acme = await cli.forewarn(["deliveries", "CHG-1", "--partner", "acme"]);
  assert.deepEqual([acme.code, acme.out], [0, "no deliveries\n"]);
});

test("wrong usage ends with exit code 2 and a suggestion", async () => {
  const none = join(cli.folder, "none.json");
  writeFileSync(none, "[]");
  const cases: [args: string[], says: RegExp][] = [
    [["chnages"], /unknown command 'chnages'\n\(Did you mean changes\?\)/],
    [["changes", "--catgory", "major"], /unknown option '--catgory'\n\(Did you mean --category\?\)/],
    [["changes", "--category", "minor"], /Allowed choices are normal, major, emergency/],
    [["changes", "--limit", "0"], /Give a whole number from 1/],
    [["change"], /missing required argument 'id'/],
    [["emit", "a.json", "--change", "CHG-1"], /either a file or the event's flags/],
    [["emit", "--title", "x"], /--change is missing/],
    [["emit", none], /none\.json is an empty list: there is no event to send/],
    [["emit", join(tmpdir(), "forewarn-no-such-file.json")], /cannot be read: ENOENT/],
    [["partners", "import", "partners.txt"], /neither \.csv nor \.ndjson/],
    [["keys", "create", "--name", "x"], /required option '--scope/],
  ];
  const runs = await Promise.all(cases.map(([args]) => cli.forewarn(args)));
  for (const [at, run] of runs.entries()) {
    assert.equal(run.code, 2, `${cases[at]?.[0].join(" ")}: ${run.err}`);
    assert.match(run.err, cases[at]?.[1] ?? /never/);
  }
  assert.equal(cli.calls.length, 0);
});

test("config check tells a policy file that is not there in one line, and one that is no JSON from it", async () => {
  const missing = await cli.forewarn(["config", "check"], { env: { FOREWARN_POLICY: "/nope.json" } });
  assert.equal(missing.code, 78);
  assert.deepEqual(missing.err.trim().split("\n").slice(1), [
    "  FOREWARN_POLICY: names a file that does not exist; example: ./policy.json",
  ]);
  const named = await cli.forewarn(["config", "check", "--policy", "/nope.json"]);
  assert.match(named.err, /\/nope\.json: cannot be read; .*ENOENT/);
  const broken = join(cli.folder, "broken.json");
  writeFileSync(broken, "{");
  assert.match((await cli.forewarn(["config", "check", "--policy", broken])).err, /broken\.json: is not JSON; /);
});

test("config check names every fault of the environment and the policy file at once, exit code 78", async () => {
  const policy = join(cli.folder, "policy.json");
  writeFileSync(policy, JSON.stringify({ timeZone: "Mars/Olympus", categories: { major: { notices: ["-P1Q"] } } }));
  const wrong = await cli.forewarn(["config", "check"], {
    env: { PORT: "99999", LOG_LEVEL: "loud", FOREWARN_POLICY: policy },
  });
  assert.equal(wrong.code, 78);
  for (const says of [/PORT: is above 65535/, /LOG_LEVEL: is not a level/]) assert.match(wrong.err, says);
  const policyWrong = await cli.forewarn(["config", "check", "--policy", policy]);
  assert.equal(policyWrong.code, 78);
  for (const says of [/policy\.json: timeZone: /, /policy\.json: categories\.major\.notices\[0\]: /])
    assert.match(policyWrong.err, says);
  const good = await cli.forewarn(["config", "check"]);
  assert.deepEqual([good.code, good.err], [0, ""], "nothing is wrong, and nothing is unknown");
  assert.match(good.out, /the configuration is good/);
  const unknown = await cli.forewarn(["config", "check"], {
    env: { FOREWARN_PORT: "3", FOREWARN_POLICI: "x", FOREWARN_SOMETHING_ELSE: "x" },
  });
  assert.deepEqual(
    [unknown.code, unknown.err.trimEnd().split("\n").toSorted()],
    [
      0,
      [
        "! FOREWARN_POLICI: is unknown, did you mean FOREWARN_POLICY?",
        "! FOREWARN_PORT: is unknown, did you mean PORT?",
        "! FOREWARN_SOMETHING_ELSE: is unknown and changes nothing",
      ],
    ],
  );
});

test("config check names every fault of the operator's templates, and files that no template takes in", async () => {
  const folder = join(cli.folder, "templates");
  mkdirSync(folder);
  const check = () => cli.forewarn(["config", "check"], { env: { FOREWARN_TEMPLATES: folder } });
  writeFileSync(join(folder, "notice.text.liquid"), "one\n{% if x %}{{ nope | foo }");
  writeFileSync(join(folder, "home.html.liquid"), "{{ title | bar }}");
  writeFileSync(join(folder, "notice.txt.liquid"), "hello");
  const wrong = await check();
  assert.deepEqual(
    [wrong.code, wrong.err.split("\n").slice(1, -1)],
    [
      78,
      [
        `  FOREWARN_TEMPLATES ${folder}/notice.txt.liquid: is unknown, did you mean notice.text.liquid?`,
        `  FOREWARN_TEMPLATES ${folder}/home.html.liquid, line 1: undefined filter: bar`,
        `  FOREWARN_TEMPLATES ${folder}/notice.text.liquid, line 2: output "{{ nope | foo }" not closed`,
      ],
    ],
  );
  writeFileSync(join(folder, "notice.text.liquid"), '{% render "signed.liquid" %}');
  writeFileSync(join(folder, "home.html.liquid"), "{{ title }}");
  rmSync(join(folder, "notice.txt.liquid"));
  writeFileSync(join(folder, "signed.liquid"), "a partial of the operator's own");
  const good = await check();
  assert.equal(good.code, 0, good.err);
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
    "partners show",
    "services add",
    "services list",
    "keys create",
    "keys list",
    "keys revoke",
    "pause",
    "resume",
  ];
  const helps = await Promise.all(commands.map((name) => cli.forewarn([...name.split(" "), "--help"])));
  for (const [at, help] of helps.entries()) {
    assert.equal(help.code, 0, help.err);
    assert.match(help.out, /Examples?:\n {2}\$ /, commands[at] ?? "");
  }
});
