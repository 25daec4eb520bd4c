import assert from "node:assert/strict";
import { test } from "node:test";
import { addCalendar, dayOf } from "../../src/domain/calendar.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/domain/policy.ts";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import { lastLawfulDay, makeWatchMinimums } from "../../src/flow/watch-minimums.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

const inDays = (days: number): string => addCalendar(dayOf(new Date(), "Europe/Paris"), `P${days}D`);
const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** Two exact reminders, of which the first escalates. */
const exact: Policy = {
  ...DEFAULT_POLICY,
  escalateAt: "-PT4S",
  categories: {
    ...DEFAULT_POLICY.categories,
    major: { minimumNotice: "PT1S", notices: ["announcement", "-PT4S", "-PT2S"] },
  },
};

const kindsAt = (pipeline: Pipeline, partner: string): string[] =>
  pipeline.receiver.at(`/${partner}`).map((post) => {
    const body = JSON.parse(post.body.toString()) as { data: { notice: { kind: string; offset: string | null } } };
    return body.data.notice.kind + (body.data.notice.offset ?? "");
  });

test("a partner who joins after the announcement is told it at once, and gets the reminders that lie ahead", async () => {
  const pipeline = await startPipeline({ policy: exact });
  await pipeline.addService("reports");
  await pipeline.addPartner("early", ["webhook"]);
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Late",
    releaseAt: soon(9_000),
  });
  await pipeline.receiver.waitFor(1, { path: "/early" });
  await pipeline.addPartner("late", ["webhook"]);
  await pipeline.addPartner("elsewhere", ["webhook"], { subscriptions: ["other"] });
  await pipeline.receiver.waitFor(3, { path: "/late", deadlineMs: 15_000 });
  assert.deepEqual(kindsAt(pipeline, "late"), ["announcement", "reminder-PT4S", "reminder-PT2S"]);
  assert.deepEqual(kindsAt(pipeline, "early"), ["announcement", "reminder-PT4S", "reminder-PT2S"]);
  assert.deepEqual(kindsAt(pipeline, "elsewhere"), []);
});

test("a partner who subscribes later is told of what is open, and one who left is told nothing more", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"], { subscriptions: ["other"] });
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Open",
    releaseAt: inDays(60),
  });
  await pipeline.quiet();
  assert.deepEqual(kindsAt(pipeline, "acme"), []);
  const { updatePartner } = await import("../../src/ledger/partners.ts");
  await updatePartner(pipeline.sql, "acme", { subscriptions: ["reports"] });
  await pipeline.receiver.waitFor(1, { path: "/acme" });
  await pipeline.sql.query("UPDATE partners SET left_at = now() WHERE partner = 'acme'");
  await pipeline.say("updated", { change: "CHG-1", title: "Open wide" });
  await pipeline.quiet();
  assert.deepEqual(kindsAt(pipeline, "acme"), ["announcement"]);
});

test("a partner who said ready is spared the reminders but the last; a date brought forward resets it", async () => {
  const pipeline = await startPipeline({ policy: exact });
  await pipeline.addService("reports");
  for (const partner of ["ready", "silent"]) await pipeline.addPartner(partner, ["webhook"]);
  const ready = (revision: number) =>
    pipeline.sql.query(
      `INSERT INTO acknowledgements (change, partner, revision, status, "by") VALUES ('CHG-1', 'ready', $1, 'ready', 'test')`,
      [revision],
    );
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Ready?",
    releaseAt: soon(60_000),
  });
  await pipeline.receiver.waitFor(2);
  await ready(1);
  await pipeline.say("updated", { change: "CHG-1", releaseAt: soon(7_000), reason: "Sooner" });
  await pipeline.receiver.waitFor(8, { deadlineMs: 15_000 });
  assert.deepEqual(
    kindsAt(pipeline, "ready"),
    ["announcement", "rescheduled", "reminder-PT4S", "reminder-PT2S"],
    "said of the later date",
  );

  await pipeline.announce({
    change: "CHG-2",
    category: "major",
    service: "reports",
    title: "Ready!",
    releaseAt: soon(7_000),
  });
  await pipeline.receiver.waitFor(10);
  await pipeline.sql.query(
    `INSERT INTO acknowledgements (change, partner, revision, status, "by") VALUES ('CHG-2', 'ready', 1, 'ready', 'test')`,
  );
  await pipeline.receiver.waitFor(13, { deadlineMs: 15_000 });
  await pipeline.quiet();
  assert.deepEqual(kindsAt(pipeline, "ready").slice(4), ["announcement", "reminder-PT2S"]);
  assert.deepEqual(kindsAt(pipeline, "silent").slice(4), ["announcement", "reminder-PT4S", "reminder-PT2S"]);
  const { rows } = await pipeline.sql.query(
    "SELECT reason, count(*) AS count FROM deliveries WHERE status = 'skipped' GROUP BY reason",
  );
  assert.deepEqual(rows, [{ reason: "ready", count: 1 }]);
});

test("partners who have said nothing are escalated once: their second contacts get the reminder, the provider one list", async () => {
  // Far enough apart that a slow machine's reminder is not overtaken by the next.
  const major = { minimumNotice: "PT1S", notices: ["announcement", "-PT9S", "-PT1S"] };
  const policy: Policy = { ...exact, escalateAt: "-PT9S", categories: { ...exact.categories, major } };
  const pipeline = await startPipeline({ policy, contact: "team@provider.example" });
  await pipeline.addService("reports");
  for (const partner of ["silent", "answers"]) {
    await pipeline.addPartner(partner, ["webhook"]);
    await pipeline.sql.query(
      "INSERT INTO endpoints (partner, channel, address, role) VALUES ($1, 'email', $2, 'escalation')",
      [partner, `boss@${partner}.example`],
    );
  }
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Silence",
    releaseAt: soon(13_000),
  });
  await pipeline.receiver.waitFor(2);
  await pipeline.sql.query(
    `INSERT INTO acknowledgements (change, partner, revision, status, "by") VALUES ('CHG-1', 'answers', 1, 'seen', 'test')`,
  );
  const [mail] = await pipeline.mailbox.waitFor(1, { to: "boss@silent.example", deadlineMs: 20_000 });
  assert.equal(mail?.parsed.subject, "[CHG-1] Silence");
  await pipeline.quiet();
  assert.equal(pipeline.mailbox.to("boss@answers.example").length, 0);
  assert.equal(pipeline.mailbox.to("boss@silent.example").length, 1);
  const { rows } = await pipeline.sql.query<{ kind: string; body: string }>(
    "SELECT kind, body FROM provider_alerts WHERE kind = 'silent'",
  );
  assert.equal(rows.length, 1);
  assert.match(rows[0]?.body ?? "", /- silent\n/);
  assert.doesNotMatch(rows[0]?.body ?? "", /- answers/);
});

test("a date that moves while its announcement is being sent: each partner hears the old word, then the new one, once", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartners(300, "webhook");
  for (let at = 1; at <= 300; at += 1)
    pipeline.receiver.script(`/p${at}`, { kind: "answer", status: 204, delayMs: 700 });
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Moving",
    releaseAt: inDays(60),
  });
  await pipeline.receiver.waitFor(60);
  await pipeline.say("updated", { change: "CHG-1", releaseAt: inDays(90), reason: "Later" });
  await pipeline.quiet(60_000);
  const stories = new Map<string, number>();
  for (let at = 1; at <= 300; at += 1) {
    const story = kindsAt(pipeline, `p${at}`).join(", ");
    stories.set(story, (stories.get(story) ?? 0) + 1);
  }
  const told = stories.get("announcement, rescheduled") ?? 0;
  const untold = stories.get("announcement") ?? 0;
  assert.equal(told + untold, 300, JSON.stringify([...stories]));
  assert.ok(told >= 60);
  for (let at = 1; at <= 300; at += 1) {
    const last = pipeline.receiver.at(`/p${at}`).at(-1);
    const body = JSON.parse(String(last?.body)) as { data: { change: { releaseAt: string } } };
    assert.equal(body.data.change.releaseAt, inDays(90), `p${at} knows the new date`);
  }
});

test("each partner is told what differs from what it was last told, not from the last revision", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "One",
    summary: "A",
    releaseAt: inDays(60),
  });
  await pipeline.quiet();
  await pipeline.say("updated", { change: "CHG-1", summary: "B", minor: true });
  await pipeline.say("updated", { change: "CHG-1", title: "Two" });
  await pipeline.quiet();
  const bodies = pipeline.receiver
    .at("/acme")
    .map((post) => JSON.parse(post.body.toString()) as { data: { notice: { kind: string }; previous?: unknown } });
  assert.deepEqual(
    bodies.map((body) => [body.data.notice.kind, body.data.previous]),
    [
      ["announcement", undefined],
      ["amended", { title: "One", summary: "A" }],
    ],
  );
});

test("a reminder is due at nine by each partner's own clock, before weekends and its holidays, and never on the day of acceptance", async () => {
  const pipeline = await startPipeline({ running: false });
  await pipeline.addService("reports");
  const zones = { kiritimati: "Pacific/Kiritimati", paris: "Europe/Paris", pagopago: "Pacific/Pago_Pago" };
  for (const [partner, timeZone] of Object.entries(zones))
    await pipeline.addPartner(partner, ["webhook"], { timeZone });
  await pipeline.addPartner("holiday", ["webhook"], { timeZone: "Europe/Paris" });
  // 2090-06-01 is a Thursday: -P14D is Thursday 18 May, -P1D Wednesday 31 May, -P1M Monday 1 May.
  await pipeline.sql.query("UPDATE partners SET holidays = '{2090-05-18,2090-05-17}' WHERE partner = 'holiday'");
  await pipeline.sql.query("INSERT INTO policies (hash, policy) VALUES ('h', $1)", [JSON.stringify(DEFAULT_POLICY)]);
  const fanOut = async (day: string, accepted: string): Promise<Record<string, string>> => {
    const { lockNotice, fanOutWindow } = await import("../../src/ledger/fan-out.ts");
    const id = `D.${day}.${accepted}`;
    await pipeline.sql.query(
      `INSERT INTO changes (change, revision, status, category, service, state) VALUES ($1, 1, 'announced', 'major', 'reports', '{}')`,
      [id],
    );
    await pipeline.sql.query(
      `INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, verdict) VALUES ($1, 1, 1, $2, 'h', 'routine', '{}', '{}', '{}')`,
      [id, accepted],
    );
    await pipeline.sql.query(
      `INSERT INTO notices (id, change, revision, kind, "offset", lane, audience, release_at, due_at, fan_out_at, day, status)
       VALUES ($1, $1, 1, 'reminder', '-P14D', 'routine', 'all', '2090-06-01T00:00:00+02', $2::date + time '07:00', now(), $2, 'planned')`,
      [id, day],
    );
    const notice = await lockNotice(pipeline.sql, id);
    assert.ok(notice);
    await fanOutWindow(pipeline.sql, notice, 100);
    const { rows } = await pipeline.sql.query<{ partner: string; due: Date }>(
      "SELECT e.partner, d.due_at AS due FROM deliveries d JOIN endpoints e ON e.no = d.endpoint WHERE d.notice = $1 ORDER BY partner",
      [notice.no],
    );
    return Object.fromEntries(rows.map((row) => [row.partner, row.due.toISOString()]));
  };
  assert.deepEqual(await fanOut("2090-05-18", "2090-01-01T00:00:00Z"), {
    holiday: "2090-05-16T07:00:00.000Z",
    kiritimati: "2090-05-17T19:00:00.000Z",
    pagopago: "2090-05-18T20:00:00.000Z",
    paris: "2090-05-18T07:00:00.000Z",
  });
  // Sunday 14 May moves to Friday the 12th; but not when that is the day of acceptance.
  assert.equal((await fanOut("2090-05-14", "2090-01-01T00:00:00Z"))["paris"], "2090-05-12T07:00:00.000Z");
  assert.equal((await fanOut("2090-05-14", "2090-05-12T10:00:00Z"))["paris"], "2090-05-14T07:00:00.000Z");
  // Nine o'clock in Pago Pago is after a midnight release in Paris would be: then at the nominal time.
  assert.equal((await fanOut("2090-05-31", "2090-01-01T00:00:00Z"))["pagopago"], "2090-05-31T20:00:00.000Z");
});

test("the provider is told once of a change that is short, and of partners untold on the day before a minimum ends", async () => {
  assert.equal(lastLawfulDay("2027-03-31", "P1M"), "2027-02-28");
  assert.equal(lastLawfulDay("2027-03-01", "P1M"), "2027-02-01");
  assert.equal(lastLawfulDay("2027-02-28", "P1M"), "2027-01-31");

  const pipeline = await startPipeline({ running: false });
  const { ledger } = pipeline.parts;
  const tellProvider = makeTellProvider({ channels: ["email"], log: quietLog });
  const watch = makeWatchMinimums({ ledger, tellProvider, publicUrl: "http://127.0.0.1:8484" });
  await pipeline.addService("reports");
  await pipeline.addPartner("untold", ["webhook"]);
  const today = dayOf(new Date(), "Europe/Paris");
  const ending = addCalendar(addCalendar(today, "P1D"), "P1M");
  await pipeline.announce({ change: "SHORT", category: "major", service: "reports", title: "x", releaseAt: inDays(5) });
  await pipeline.announce({ change: "ENDS", category: "major", service: "reports", title: "x", releaseAt: ending });
  await pipeline.announce({ change: "FAR", category: "major", service: "reports", title: "x", releaseAt: inDays(200) });
  await watch();
  await watch();
  const { rows } = await pipeline.sql.query<{ kind: string; subject: string }>(
    "SELECT kind, subject FROM provider_alerts ORDER BY kind",
  );
  assert.deepEqual(
    rows.map((row) => [row.kind, row.subject.slice(0, 7)]),
    [
      ["minimum-lapses", "[ENDS] "],
      ["short", "[SHORT]"],
    ],
  );
});

test("pausing holds what is due, and resuming sends it in order", async () => {
  const pipeline = await startPipeline();
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"]);
  await pipeline.sql.query("UPDATE installation SET paused_at = now()");
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "Held",
    releaseAt: inDays(60),
  });
  await pipeline.announce({
    change: "CHG-2",
    category: "emergency",
    service: "reports",
    title: "Held too",
    releaseAt: inDays(1),
  });
  await until(
    async () =>
      (await pipeline.sql.query("SELECT FROM deliveries WHERE status = 'waiting' AND chunk IS NULL")).rowCount === 2,
    { what: "both are held" },
  );
  assert.equal(pipeline.receiver.received.length, 0);
  await pipeline.sql.query("UPDATE installation SET paused_at = NULL");
  await pipeline.quiet();
  assert.equal(pipeline.receiver.received.length, 2);
});
