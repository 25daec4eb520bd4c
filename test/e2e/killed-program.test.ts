import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive } from "../../src/embedded/owner.ts";
import { readLocalServer } from "../../src/processes/local-server.ts";
import { familyOf } from "../support/family.ts";
import { type Program, startProgram } from "../support/programs.ts";
import { startReceiver } from "../support/receiver.ts";
import { inAnHour } from "../support/scene.ts";
import { temporaryFolder } from "../support/servers.ts";
import { tally } from "../support/tally.ts";
import { until } from "../support/until.ts";

const KEY = "an-admin-key-of-this-test";
const PARTNERS = 600;
/** One host gets at most 32 sends at once, and 200 outcomes at most wait to be committed. */
const IN_FLIGHT = 32 + 200;

const startAll = (folder: string): Promise<Program> =>
  startProgram("src/cli/main.ts", {
    args: ["start"],
    env: { FOREWARN_DATA: folder, FOREWARN_ADMIN_KEY: KEY, PORT: "0", FOREWARN_WEBHOOK_ALLOW: "127.0.0.0/8" },
    ready: "Forewarn listens at",
  });

const call = async <T>(
  folder: string,
  path: string,
  [type, body]: [type: string, body: string] | [] = [],
): Promise<T> => {
  const reply = await fetch(`${readLocalServer(folder)?.url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${KEY}`, ...(type === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body }),
  });
  const answer = await reply.text();
  assert.ok(reply.ok, `${path}: ${reply.status} ${answer}`);
  return (type === "application/x-ndjson" ? answer : JSON.parse(answer)) as T;
};

test("SIGKILL of everything while it sends: nothing stays behind, and the next start in the folder finishes what was due", {
  skip: process.platform === "linux" ? false : "elsewhere no kernel ends the servers with their program",
}, async () => {
  const folder = await temporaryFolder();
  const receiver = await startReceiver();
  const first = await startAll(folder);
  await call(folder, "/v1/services", ["application/json", JSON.stringify({ service: "reports", title: "Reports" })]);
  const partners = Array.from({ length: PARTNERS }, (_, at) => {
    const partner = `p${at + 1}`;
    receiver.script(`/${partner}`, { kind: "answer", status: 204, delayMs: 50 });
    const endpoints = [{ channel: "webhook", address: receiver.url(partner) }];
    return JSON.stringify({ partner, name: partner, locale: "en", timeZone: "UTC", subscriptions: ["*"], endpoints });
  });
  await call(folder, "/v1/partners/import", ["application/x-ndjson", partners.join("\n")]);
  const event = {
    specversion: "1.0",
    id: "1",
    source: "/test",
    type: "forewarn.change.created",
    data: { change: "CHG-1", category: "emergency", service: "reports", title: "Urgent", releaseAt: inAnHour() },
  };
  await call(folder, "/v1/events", ["application/cloudevents+json", JSON.stringify(event)]);
  await receiver.waitFor(PARTNERS / 3);
  const family = familyOf(first.pid);
  assert.ok(family.length > 3, "the program, PostgreSQL with its own, and Redis");

  first.kill("SIGKILL");
  assert.equal(await first.ended, "SIGKILL");
  const killedAt = receiver.received.length;
  assert.ok(killedAt < PARTNERS, "in the midst of it");
  await until(() => !family.some(isAlive), { deadlineMs: 10_000, what: "nothing of it runs any more" });

  const second = await startAll(folder);
  type Shown = { notices: { kind: string; status: string; counts: { webhook: Record<string, number> } }[] };
  const told = await until(
    async () => {
      const { notices } = await call<Shown>(folder, "/v1/changes/CHG-1");
      const announcement = notices.find((notice) => notice.kind === "announcement");
      return announcement?.status === "done" && announcement;
    },
    { deadlineMs: 20_000, what: "everybody is told" },
  );
  assert.equal(told.counts.webhook["sent"], PARTNERS);
  const idsOf = receiver.received.map((post) => String(post.headers["webhook-id"]));
  const firstIds = new Map(receiver.received.map((post) => [post.path, String(post.headers["webhook-id"])]));
  const expected = Array.from(
    { length: PARTNERS },
    (_, at) => firstIds.get(`/p${at + 1}`) ?? `p${at + 1} was never told`,
  );
  const { lost, duplicated } = tally(expected, idsOf);
  assert.equal(lost, 0);
  assert.equal(new Set(idsOf).size, PARTNERS, "repeated with the same webhook-id");
  assert.ok(duplicated <= IN_FLIGHT, `${duplicated} duplicated`);
  second.kill("SIGTERM");
  assert.equal(await second.ended, 0);
});
