import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Client } from "../../src/cli/client.ts";
import { CommandFailure } from "../../src/cli/exit.ts";
import { makeProgram } from "../../src/cli/program.ts";
import { systemClock } from "../../src/clock.ts";

type Call = { method: string; path: string; body: unknown };

/** Runs a command against a server that gives one answer to everything. */
const run = async (args: string[], answer: unknown): Promise<{ calls: Call[]; out: string }> => {
  const calls: Call[] = [];
  const out: string[] = [];
  const unused = () => Promise.reject(new Error("not used"));
  const client: Client = {
    url: "http://127.0.0.1:8484",
    get: unused,
    text: unused,
    list: unused,
    stream: unused,
    send: (method, path, sent) => {
      calls.push({ method, path, body: typeof sent?.body === "string" ? JSON.parse(sent.body) : undefined });
      return Promise.resolve({ body: answer as never, headers: {} });
    },
  };
  const print = (text: string): void => void out.push(text);
  const program = makeProgram({
    client: () => client,
    clock: systemClock,
    stdin: Readable.from([]),
    terminal: {
      print,
      note: () => undefined,
      paint: (_style, text) => text,
      width: null,
      progress: null,
      answer: ({ json }, value, forPeople) => print(json ? JSON.stringify(value) : forPeople()),
    },
  });
  await program.parseAsync(args, { from: "user" });
  return { calls, out: stripVTControlCharacters(out.join("\n")) };
};

const DRILLED = {
  flushed: { keys: 1_234, ms: 5 },
  before: { plans: 0, notices: 40, chunks: 7 },
  back: { plans: 0, notices: 40, chunks: 7 },
  kept: { events: 2 },
  rebuiltMs: 61,
};

test("a drill is refused without --yes, and nothing is asked of the server", async () => {
  await assert.rejects(
    run(["drill"], DRILLED),
    (error) => error instanceof CommandFailure && error.exitCode === 2 && error.message.includes("--yes"),
  );
});

test("a drill prints what came back per kind and how long it took", async () => {
  const { calls, out } = await run(["drill", "--yes"], DRILLED);
  assert.deepEqual(calls, [{ method: "POST", path: "/v1/drill", body: undefined }]);
  assert.match(out, /^1,234 keys deleted in 5 ms, the queue rebuilt from the ledger in 61 ms\n/);
  assert.match(out, /notices that wait for their time +40 +40\n/);
  assert.match(out, /chunks of deliveries to send +7 +7\n/);
  assert.match(out, /2 events on the queue left alone/);
  assert.deepEqual(JSON.parse((await run(["drill", "--yes", "--json"], DRILLED)).out), DRILLED);
});

test("a delivery is replayed by its id", async () => {
  const view = { delivery: "CHG-1.r1.announcement.ep_7", status: "failed", channel: "webhook", partner: "acme" };
  const { calls, out } = await run(["replay", view.delivery], view);
  assert.deepEqual(calls, [{ method: "POST", path: `/v1/deliveries/${view.delivery}/replay`, body: undefined }]);
  assert.equal(out, "CHG-1.r1.announcement.ep_7 goes out again to acme by webhook");
});

test("an endpoint is replayed since a time, and what goes out is listed", async () => {
  const notice = { notice: "CHG-1.r2.amended", change: "CHG-1", kind: "amended", dueAt: "2027-03-02T09:00:00.000Z" };
  const answer = { endpoint: "ep_7", since: "2027-03-01T00:00:00.000Z", notices: [notice] };
  const args = ["replay", "--endpoint", "ep_7", "--since", "2027-03-01T00:00:00Z"];
  const { calls, out } = await run(args, answer);
  const body = { since: "2027-03-01T00:00:00Z" };
  assert.deepEqual(calls, [{ method: "POST", path: "/v1/endpoints/ep_7/replay", body }]);
  assert.match(out, /^1 notice goes out to ep_7:\n.*\nCHG-1 +amended +2027-03-02 09:00$/);
  assert.equal(
    (await run(args, { ...answer, notices: [] })).out,
    "ep_7 missed nothing that still matters since 2027-03-01 00:00 UTC",
  );
});

test("a replay of nothing, of both, or without a time is a fault of usage", async () => {
  for (const args of [
    [],
    ["CHG-1.r1.announcement.ep_7", "--endpoint", "ep_7"],
    ["--endpoint", "ep_7"],
    ["CHG-1.r1.announcement.ep_7", "--since", "2027-03-01T00:00:00Z"],
  ])
    await assert.rejects(
      run(["replay", ...args], {}),
      (error) => error instanceof CommandFailure && error.exitCode === 2,
      args.join(" "),
    );
});
