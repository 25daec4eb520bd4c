import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, beforeEach, test } from "node:test";
import { type CommandLine, KEY, startCommandLine } from "../support/command-line.ts";

let cli: CommandLine;

before(async () => {
  cli = await startCommandLine();
});
beforeEach(() => cli.forget());

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
  cli.answers["POST /v1/events"] = { status: 202, body: PLAN };
  const run = await cli.forewarn(["emit", ...FLAGS, "--affects", "GET /v1/a", "GET /v1/b", "--no-business-critical"]);
  assert.equal(run.code, 0, run.err);
  const [call] = cli.calls;
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
  cli.answers["POST /v1/events"] = { status: 202, headers: { "forewarn-duplicate": "true" }, body: PLAN };
  const envelope = { specversion: "1.0", id: "1", source: "/a", type: "forewarn.change.created", data: { x: 1 } };
  const file = join(cli.folder, "event.json");
  writeFileSync(file, JSON.stringify(envelope));
  const fromFile = await cli.forewarn(["emit", file, "--json"]);
  const fromInput = await cli.forewarn(["emit"], { input: JSON.stringify(envelope) });
  assert.deepEqual([fromFile.code, fromInput.code], [0, 0], fromFile.err + fromInput.err);
  const sent = cli.calls.filter(({ method }) => method === "POST");
  for (const call of sent) assert.deepEqual(JSON.parse(call.body), envelope);
  assert.equal(sent.length, 2);
  assert.deepEqual(JSON.parse(fromFile.out), PLAN);
  assert.match(fromInput.err, /accepted earlier/);
});

test("emit says which field was not taken, which event is newer and what to do", async () => {
  const by = { time: "2027-02-01T08:00:00.000Z", source: "/billing", id: "evt-7" };
  cli.answers["POST /v1/events"] = { status: 202, body: { ...PLAN, outdated: [{ field: "title", by }] } };
  const run = await cli.forewarn(["emit", "--type", "updated", "--change", "CHG-1", "--title", "Late"]);
  assert.equal(run.code, 0, run.err);
  assert.match(
    run.out,
    /^outdated title was not taken: event evt-7 of \/billing set it and is newer \(2027-02-01T08:00:00\.000Z\); to set it all the same, send it in a new event with a later time$/m,
  );
});

test("emit says what a held event waits for, and gives no verdict on it, nor on what is cancelled", async () => {
  const held = { change: "NOPE", revision: 0, status: "held", verdict: null, notices: [] };
  cli.answers["POST /v1/events"] = { status: 202, body: held };
  const run = await cli.forewarn(["emit", "--type", "updated", "--change", "NOPE", "--title", "x"]);
  assert.match(run.out, /held until forewarn\.change\.created of NOPE comes; .*a typo in --change looks the same/);
  assert.doesNotMatch(run.out, /verdict|category/);
  const verdict = { ...PLAN.verdict, status: "none", minimum: null };
  cli.answers["POST /v1/events"] = { status: 202, body: { ...PLAN, status: "cancelled", verdict, notices: [] } };
  const cancelled = await cli.forewarn(["emit", "--type", "cancelled", "--change", "CHG-1", "--reason", "x"]);
  assert.doesNotMatch(cancelled.out, /verdict|demands no notice/);
});

test("each fault of a refused event is printed once, though its detail names it too; --json has both", async () => {
  const errors = [
    { path: "title", message: "is missing; give one line" },
    { path: "service", message: "is missing; give the service's id" },
  ];
  const detail = `the event is refused: ${errors.map(({ path, message }) => `${path} ${message}`).join("; ")}`;
  cli.answers["POST /v1/events"] = {
    status: 422,
    body: { title: "The input is not valid", status: 422, detail, errors },
  };
  const emit = ["emit", "--type", "created", "--change", "CHG-1"];
  const run = await cli.forewarn(emit);
  assert.equal(
    run.err,
    "forewarn: the event is refused\n  title: is missing; give one line\n  service: is missing; give the service's id\n",
  );
  assert.deepEqual(JSON.parse((await cli.forewarn([...emit, "--json"])).err), { detail, errors, exitCode: 1 });
});

test("a conflict is printed once", async () => {
  const detail = "change CHG-1 exists already; use another id";
  cli.answers["POST /v1/events"] = {
    status: 409,
    body: { status: 409, detail, errors: [{ path: "change", message: detail }] },
  };
  const run = await cli.forewarn(["emit", ...FLAGS]);
  assert.equal(run.err, `forewarn: ${detail}\n`);
});

test("a list of events goes out as one batch; one refused event fails the command and is named", async () => {
  const refused = {
    title: "The input is not valid",
    status: 422,
    detail: "the event is not valid",
    errors: [{ path: "releaseAt", message: "is not a date" }],
  };
  cli.answers["POST /v1/events"] = { status: 202, body: [PLAN, refused] };
  const run = await cli.forewarn(["emit", "-"], { input: JSON.stringify([{ id: "1" }, { id: "2" }]) });
  assert.equal(run.code, 1);
  assert.equal(cli.calls[0]?.headers["content-type"], "application/cloudevents-batch+json");
  assert.match(run.out, /CHG-1 {2}revision 1/);
  assert.match(
    run.err,
    /event 2 was refused: the event is not valid\n {2}releaseAt: is not a date\nforewarn: 1 of 2 events were refused/,
  );
});

test("preview asks for a dry run at the given time and says whom it would reach", async () => {
  cli.answers["POST /v1/events"] = {
    body: { ...PLAN, recipients: { partners: 12, email: 9, webhook: 1, unreachable: 1 } },
  };
  const run = await cli.forewarn(["preview", ...FLAGS, "--at", "2027-02-11T09:30:00Z"]);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(Object.fromEntries(cli.calls[0]?.query ?? []), { dryRun: "true", at: "2027-02-11T09:30:00Z" });
  assert.match(run.out, /^reaches {2}11 partners: 9 mails, 1 webhook; 1 more cannot be reached$/m);
  cli.answers["POST /v1/events"] = {
    body: { ...PLAN, notices: [], recipients: { partners: 10, email: 9, webhook: 4, unreachable: 0 } },
  };
  const untold = await cli.forewarn(["preview", ...FLAGS]);
  assert.match(untold.out, /^reaches {2}nobody; it concerns 10 partners$/m, "no notice is due");
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
  cli.answers["GET /v1/changes"] = { body: { items: [row("CHG-1"), row("CHG-2")], next: "c2" } };
  cli.answers["GET /v1/changesc2"] = { body: { items: [row("CHG-3")], next: "c3" } };
  const run = await cli.forewarn(["changes", "--category", "major", "--limit", "3"]);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(
    cli.calls
      .filter(({ path }) => path === "/v1/changes")
      .map((call) => [call.query.get("category"), call.query.get("limit")]),
    [
      ["major", "3"],
      ["major", "1"],
    ],
  );
  assert.match(run.out, /CHG-3 +1 +announced +major \(critical\) +api +2027-03-01 +short +t/);
  assert.match(run.err, /the first 3 are shown; there are more/);
});
