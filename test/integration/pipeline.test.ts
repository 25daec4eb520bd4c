import assert from "node:assert/strict";
import { before, test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { startSender } from "../../src/processes/sender.ts";
import { inDays } from "../support/days.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

let pipeline: Pipeline;
let secret: string;

before(async () => {
  pipeline = await startPipeline();
  await pipeline.addService("payments", true);
  await pipeline.addService("reports");
  secret = await pipeline.addPartner("acme", ["email", "webhook"]);
  await pipeline.addPartner("globex", ["email"], { subscriptions: ["reports"] });
});

test("a major change is announced at once to every endpoint of its subscribers, and its reminders wait as one job each", async () => {
  const answer = await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "payments",
    title: "Tokens expire",
    releaseAt: inDays(120),
  });
  assert.equal(answer.verdict?.status, "met");
  await pipeline.quiet();
  const [post] = await pipeline.receiver.waitFor(1, { path: "/acme" });
  const body = pipeline.receiver.verify(post!, secret) as {
    type: string;
    subject: string;
    data: { change: { title: string } };
  };
  assert.equal(body.type, "forewarn.notice.announcement");
  assert.equal(body.subject, "CHG-1");
  assert.equal(body.data.change.title, "Tokens expire");
  const [mail] = await pipeline.mailbox.waitFor(1, { to: "acme@partner.example" });
  assert.equal(mail!.parsed.subject, "[CHG-1] Tokens expire");
  assert.equal(pipeline.mailbox.to("globex@partner.example").length, 0, "not subscribed to payments");
  const planned = answer.notices.filter((notice) => notice.kind === "reminder" && notice.status === "planned");
  assert.equal(planned.length, 6);
  assert.equal(await pipeline.parts.queues.get("notices-routine").getDelayedCount(), 6);
});

test("an emergency travels on the urgent lane from end to end", async () => {
  const answer = await pipeline.announce({
    change: "CHG-2",
    category: "emergency",
    service: "reports",
    title: "Key leaked",
    releaseAt: inDays(3),
  });
  await pipeline.quiet();
  const { rows } = await pipeline.sql.query(
    "SELECT DISTINCT d.lane FROM deliveries d JOIN notices n ON n.no = d.notice WHERE n.change = 'CHG-2'",
  );
  assert.deepEqual(rows, [{ lane: "urgent" }]);
  assert.deepEqual(
    answer.notices.map((notice) => [notice.kind, notice.status]),
    [
      ["announcement", "planned"],
      ["reminder", "planned"],
    ],
  );
  assert.equal(pipeline.mailbox.to("globex@partner.example").length, 1);
});

test("a normal change tells nobody", async () => {
  const before = (await pipeline.counts())["sent"];
  const answer = await pipeline.announce({
    change: "CHG-3",
    category: "normal",
    service: "reports",
    title: "Faster lists",
  });
  assert.deepEqual([answer.status, answer.notices], ["recorded", []]);
  await pipeline.quiet();
  assert.equal((await pipeline.counts())["sent"], before);
});

test("an event put straight on the queue is accepted like one over HTTP; a refused one is kept with the reason", async () => {
  const queue = pipeline.parts.queues.get("events");
  await queue.add("event", {
    specversion: "1.0",
    id: "q-1",
    source: "/queue",
    type: "forewarn.change.created",
    data: { change: "CHG-4", category: "major", service: "reports", title: "By queue", releaseAt: inDays(40) },
  });
  await queue.add("event", {
    specversion: "1.0",
    id: "q-2",
    source: "/queue",
    type: "forewarn.change.created",
    data: { change: "CHG-5", category: "major", service: "unheard-of", title: "x", releaseAt: "soon" },
  });
  await until(async () => (await pipeline.sql.query("SELECT FROM changes WHERE change = 'CHG-4'")).rowCount === 1, {
    what: "the change is recorded",
  });
  await pipeline.quiet();
  assert.ok(pipeline.mailbox.to("globex@partner.example").some((mail) => mail.parsed.subject === "[CHG-4] By queue"));
  const refused = await until(
    async () =>
      (
        await pipeline.sql.query<{ id: string; refusal: { errors: { path: string }[] } }>(
          "SELECT id, refusal FROM events WHERE status = 'refused'",
        )
      ).rows[0],
    { what: "the refusal is kept" },
  );
  assert.equal(refused.id, "q-2");
  assert.deepEqual(
    refused.refusal.errors.map((fault) => fault.path),
    ["releaseAt"],
  );
});

test("the same event twice has one effect and one answer; another body under the same id is a conflict", async () => {
  const event = {
    specversion: "1.0",
    id: "dup-1",
    source: "/dup",
    type: "forewarn.change.created",
    data: { change: "CHG-6", category: "major", service: "reports", title: "Once", releaseAt: inDays(40) },
  };
  const results = await Promise.all(Array.from({ length: 10 }, () => pipeline.accept(structuredClone(event))));
  assert.equal(results.filter((result) => result.kind === "accepted" && !result.duplicate).length, 1);
  const answers = new Set(
    results.map(
      (result) => result.kind === "accepted" && JSON.stringify(result.answer.notices.map((notice) => notice.id)),
    ),
  );
  assert.equal(answers.size, 1);
  const other = await pipeline.accept({ ...event, data: { ...event.data, title: "Twice" } });
  assert.ok(other.kind === "refused" && other.problem.problem === "conflict");
  await pipeline.quiet();
  assert.equal(
    pipeline.mailbox.to("globex@partner.example").filter((mail) => mail.parsed.subject === "[CHG-6] Once").length,
    1,
  );
});

test("a postponed change supersedes its reminders and tells those already told the new date, in the same thread", async () => {
  // A scheduler of its own, which does not run while one joins and the date moves: it would tell the newcomer of the old one.
  const other = await startPipeline({ running: false });
  const { parts, mailbox } = other;
  const sender = await startSender("email", parts);
  atEnd(() => sender.stop());
  const first = await startScheduler(parts);
  await other.addService("reports");
  await other.addPartner("globex", ["email"]);
  await other.announce({
    change: "CHG-7",
    category: "major",
    service: "reports",
    title: "Moves",
    releaseAt: inDays(60),
  });
  await other.quiet();
  await first.stop();
  await other.addPartner("initech", ["email"]);
  const answer = await other.say("updated", {
    change: "CHG-7",
    releaseAt: inDays(90),
    reason: "Partners asked for time",
  });
  assert.equal(answer.revision, 2);
  const second = await startScheduler(parts);
  atEnd(() => second.stop());
  await other.quiet();
  const globex = mailbox.to("globex@partner.example");
  assert.deepEqual(
    globex.map(({ parsed }) => parsed.subject),
    ["[CHG-7] Moves", "[CHG-7] Moves"],
  );
  assert.equal(globex[1]!.parsed.inReplyTo, globex[0]!.parsed.messageId);
  const initech = mailbox.to("initech@partner.example");
  assert.equal(initech.length, 1, "the newcomer gets one announcement");
  const { rows } = await other.sql.query<{ kind: string; status: string; count: number }>(
    "SELECT kind, status, count(*) AS count FROM notices WHERE change = 'CHG-7' AND revision = 1 GROUP BY kind, status ORDER BY kind",
  );
  assert.deepEqual(rows, [
    { kind: "announcement", status: "done", count: 1 },
    { kind: "reminder", status: "superseded", count: 4 },
  ]);
});

test("a failing webhook is tried again by the schedule with the same webhook-id", async () => {
  const policy = { ...DEFAULT_POLICY, retries: { ...DEFAULT_POLICY.retries, webhook: ["PT0.2S", "PT0.2S"] } };
  const other = await startPipeline({ policy });
  await other.addService("reports");
  const key = await other.addPartner("hooli", ["webhook"]);
  other.receiver.script("/hooli", { kind: "answer", status: 500 }, { kind: "reset" }, { kind: "answer", status: 204 });
  await other.announce({
    change: "CHG-8",
    category: "emergency",
    service: "reports",
    title: "Now",
    releaseAt: inDays(1),
  });
  await other.quiet();
  const posts = other.receiver.at("/hooli");
  assert.equal(posts.length, 3);
  assert.equal(new Set(posts.map((post) => post.headers["webhook-id"])).size, 1);
  for (const post of posts) other.receiver.verify(post, key);
  const { rows } = await other.sql.query(
    'SELECT d.status, d.attempts, d.first_code AS "firstCode", (SELECT count(*) FROM attempts) AS further FROM deliveries d',
  );
  assert.deepEqual(rows, [{ status: "sent", attempts: 3, firstCode: 500, further: 2 }]);
});

test("a reminder given as -PT3S fires on time within 500 ms", async () => {
  const categories = {
    ...DEFAULT_POLICY.categories,
    major: { minimumNotice: "PT1S", notices: ["announcement", "-PT3S"] },
  };
  const other = await startPipeline({ policy: { ...DEFAULT_POLICY, categories } });
  await other.addService("reports");
  await other.addPartner("hooli", ["webhook", "email"]);
  const announcedAt = Date.now();
  const releaseAt = new Date(announcedAt + 6_000).toISOString();
  await other.announce({ change: "CHG-9", category: "major", service: "reports", title: "Soon", releaseAt });
  const [announcement, reminder] = await other.receiver.waitFor(2, { path: "/hooli" });
  const [, mail] = await other.mailbox.waitFor(2, { to: "hooli@partner.example" });
  const due = Date.parse(releaseAt) - 3_000;
  // A machine so busy that what is due at once takes longer than that is no later with what is due then.
  const bound = Math.max(500, 2 * (announcement!.at - announcedAt));
  for (const at of [reminder!.at, mail!.at])
    assert.ok(at >= due - 5 && at - due < bound, `fired ${at - due} ms after it was due, of ${bound} ms`);
});
