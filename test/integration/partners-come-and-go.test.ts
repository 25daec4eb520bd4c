import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_POLICY, type Policy } from "../../src/domain/policy.ts";
import { inTransaction } from "../../src/ledger/connection.ts";
import { fanOutWindow, lockNotice } from "../../src/ledger/fan-out.ts";
import { escalateOne } from "../../src/ledger/late.ts";
import { updatePartner } from "../../src/ledger/partners.ts";
import { makeReplays } from "../../src/flow/replay.ts";
import { inDays } from "../support/days.ts";
import { kindsAt, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

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
  await updatePartner(pipeline.sql, "acme", { subscriptions: ["reports"] });
  await pipeline.receiver.waitFor(1, { path: "/acme" });
  await pipeline.sql.query("UPDATE partners SET left_at = now() WHERE partner = 'acme'");
  await pipeline.say("updated", { change: "CHG-1", title: "Open wide" });
  await pipeline.quiet();
  assert.deepEqual(kindsAt(pipeline, "acme"), ["announcement"]);
});

test("who drops a service gets nothing more of it, though it was fanned out before, and is told of it on coming back", async () => {
  const pipeline = await startPipeline();
  const { receiver, sql } = pipeline;
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["webhook"], { subscriptions: ["reports", "other"] });
  receiver.script(
    "/acme",
    { kind: "answer", status: 503, headers: { "retry-after": "3600" } },
    { kind: "answer", status: 204 },
  );
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "x",
    releaseAt: inDays(60),
  });
  const deliveryIs = (state: string) =>
    until(
      async () => {
        const { rows } = await sql.query("SELECT concat_ws(' ', status, reason, attempts) AS state FROM deliveries");
        return rows[0]?.["state"] === state;
      },
      { what: `the delivery is ${state}` },
    );
  await deliveryIs("waiting 1");

  await updatePartner(sql, "acme", { subscriptions: ["other"] });
  await sql.query("UPDATE deliveries SET due_at = now()");
  await deliveryIs("suppressed unsubscribed 1");
  const replays = makeReplays({ ...pipeline.parts, log: quietLog });
  await assert.rejects(replays.delivery("CHG-1.r1.announcement.ep_1"), /follows the service no longer/);
  assert.deepEqual(await replays.missed(1, new Date(0)), []);

  await updatePartner(sql, "acme", { subscriptions: ["reports"] });
  await deliveryIs("sent 2");
  const [first, second, ...more] = receiver.at("/acme").map(({ headers }) => headers["webhook-id"]);
  assert.equal(first, second);
  assert.deepEqual(more, []);
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

test("an escalation waits for the whole of its reminder's fan-out, and then names everybody who is silent", async () => {
  const pipeline = await startPipeline({ running: false });
  const { sql } = pipeline;
  await pipeline.addService("reports");
  await pipeline.addPartners(3, "webhook");
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "x",
    releaseAt: inDays(60),
  });
  await sql.query("UPDATE notices SET escalates = true WHERE id = 'CHG-1.r1.announcement'");
  const window = () =>
    inTransaction(pipeline.parts.ledger.pools.routine, async (client) => {
      const notice = await lockNotice(client, "CHG-1.r1.announcement");
      assert.ok(notice);
      await fanOutWindow(client, notice, 2);
    });
  await window();
  assert.equal(await escalateOne(sql), null);
  await window();
  assert.deepEqual((await escalateOne(sql))?.silent, ["p1", "p2", "p3"]);
  assert.equal(await escalateOne(sql), null);
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
