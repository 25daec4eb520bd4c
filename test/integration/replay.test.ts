import assert from "node:assert/strict";
import { before, test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { Problem } from "../../src/errors.ts";
import { makeReplays, type Replays } from "../../src/flow/replay.ts";
import { inDays } from "../support/days.ts";
import { openApi } from "../support/api.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

const EVER = new Date(0);

/** One attempt a delivery; nothing is disabled by failing. */
const policy = { ...DEFAULT_POLICY, retries: { ...DEFAULT_POLICY.retries, webhook: [] } };

let pipeline: Pipeline;
let replays: Replays;
before(async () => {
  pipeline = await startPipeline({ policy });
  replays = makeReplays(pipeline.parts);
  await pipeline.addService("api");
});

const announce = (change: string, title = change) =>
  pipeline.announce({ change, category: "emergency", service: "api", title, releaseAt: inDays(1) });

type Row = { status: string; reason: string | null; attempts: number; sentAt: Date | null; firstCode: number };
const delivery = async (id: string): Promise<Row> => {
  const [, notice, endpoint] = /^(.+)\.ep_(\d+)$/.exec(id) ?? [];
  const { rows } = await pipeline.sql.query<Row>(
    `SELECT d.status, d.reason, d.attempts, d.sent_at AS "sentAt", d.first_code AS "firstCode" FROM deliveries d
     JOIN notices n ON n.no = d.notice WHERE n.id = $1 AND d.endpoint = $2`,
    [notice, endpoint],
  );
  assert.ok(rows[0], id);
  return rows[0];
};

/** Only this partner is subscribed from here on, and no earlier change is open any more. */
const soleWebhook = async (partner: string): Promise<number> => {
  await pipeline.sql.query("UPDATE partners SET subscriptions = '{}'");
  await pipeline.sql.query("UPDATE changes SET status = 'released'");
  await pipeline.addPartner(partner, ["webhook"]);
  const { rows } = await pipeline.sql.query<{ no: number }>("SELECT max(no) AS no FROM endpoints");
  return rows[0]?.no ?? 0;
};

const refusal = (problem: string, words: RegExp) => (error: unknown) =>
  error instanceof Problem && error.problem === problem && words.test(error.message);

test("a failed delivery is sent again with the same webhook-id, as one more attempt", async () => {
  const no = await soleWebhook("acme");
  pipeline.receiver.script("/acme", { kind: "answer", status: 500 }, { kind: "answer", status: 204 });
  await announce("CHG-1");
  await pipeline.quiet();
  const id = `CHG-1.r1.announcement.ep_${no}`;
  assert.equal((await delivery(id)).status, "failed");
  await replays.delivery(id);
  await pipeline.quiet();
  const { status, reason, attempts, firstCode } = await delivery(id);
  assert.deepEqual(
    { status, reason, attempts, firstCode },
    { status: "sent", reason: null, attempts: 2, firstCode: 500 },
  );
  const ids = pipeline.receiver.at("/acme").map((post) => post.headers["webhook-id"]);
  assert.deepEqual(ids, [ids[0], ids[0]]);
  const { rows } = await pipeline.sql.query("SELECT status FROM notices WHERE id = 'CHG-1.r1.announcement'");
  assert.deepEqual(rows, [{ status: "done" }]);
});

test("a sent delivery is sent once more and never stops being sent, whatever the receiver says to it", async () => {
  const no = await soleWebhook("globex");
  await announce("CHG-2");
  await pipeline.quiet();
  const id = `CHG-2.r1.announcement.ep_${no}`;
  const first = await delivery(id);
  assert.equal(first.status, "sent");
  pipeline.receiver.script("/globex", { kind: "answer", status: 204 }, { kind: "answer", status: 500 });
  for (const attempts of [2, 3]) {
    await Promise.all([replays.delivery(id), replays.delivery(id)]);
    const row = await until(
      async () => {
        const now = await delivery(id);
        assert.equal(now.status, "sent");
        return now.attempts === attempts ? now : null;
      },
      { what: `attempt ${attempts} is on record` },
    );
    assert.deepEqual([row.sentAt, row.firstCode], [first.sentAt, 204], "the first attempt is what it was");
  }
  const posts = pipeline.receiver.at("/globex");
  assert.equal(posts.length, 3, "asked twice at once, it is sent once more");
  assert.equal(new Set(posts.map((post) => post.headers["webhook-id"])).size, 1);
  const { rows } = await pipeline.sql.query(
    "SELECT attempt, code FROM attempts a JOIN notices n ON n.no = a.notice WHERE n.change = 'CHG-2' ORDER BY attempt",
  );
  assert.deepEqual(rows, [
    { attempt: 2, code: 204 },
    { attempt: 3, code: 500 },
  ]);
  assert.equal((await pipeline.sql.query("SELECT FROM replays")).rowCount, 0);
});

test("a repetition says byte for byte what was said the first time, former values included", async () => {
  const no = await soleWebhook("vandelay");
  await announce("CHG-R", "One");
  await pipeline.quiet();
  await pipeline.say("updated", { change: "CHG-R", title: "Two" });
  await pipeline.quiet();
  await replays.delivery(`CHG-R.r2.amended.ep_${no}`);
  const [, amended, again] = await pipeline.receiver.waitFor(3, { path: "/vandelay" });
  assert.match(String(amended?.body), /"previous":\{"title":"One"\}/);
  assert.equal(String(again?.body), String(amended?.body));
});

test("a repetition that a paused installation holds goes out once it is resumed", async () => {
  const no = await soleWebhook("initech");
  await announce("CHG-3");
  await pipeline.quiet();
  await pipeline.sql.query("UPDATE installation SET paused_at = now()");
  await replays.delivery(`CHG-3.r1.announcement.ep_${no}`);
  // Another sweep has passed once what became due later is swept.
  const { rowCount } = await pipeline.sql.query("SELECT FROM replays WHERE chunk IS NULL");
  assert.equal(rowCount, 1);
  await pipeline.sql.query("UPDATE installation SET paused_at = NULL");
  await pipeline.receiver.waitFor(2, { path: "/initech" });
});

test("what is no longer true is not sent again, and the refusal says what to do", async () => {
  const no = await soleWebhook("hooli");
  pipeline.receiver.script("/hooli", { kind: "answer", status: 500 });
  await announce("CHG-4");
  await pipeline.quiet();
  const id = `CHG-4.r1.announcement.ep_${no}`;
  await pipeline.sql.query("UPDATE endpoints SET status = 'disabled' WHERE no = $1", [no]);
  await assert.rejects(replays.delivery(id), refusal("conflict", /enable the endpoint first/));
  await assert.rejects(
    replays.endpoint(no, EVER),
    refusal("conflict", /(ep_\d+) is disabled; enable it first \(POST \/v1\/endpoints\/\1\/enable\)/),
  );
  await pipeline.sql.query("UPDATE endpoints SET status = 'active' WHERE no = $1", [no]);
  await pipeline.sql.query("UPDATE notices SET status = 'superseded' WHERE id = 'CHG-4.r1.announcement'");
  await assert.rejects(replays.delivery(id), refusal("conflict", /a later revision of its change took its place/));
  await assert.rejects(replays.delivery("CHG-4.r9.announcement.ep_1"), refusal("not-found", /no delivery/));
  await assert.rejects(replays.delivery("nonsense"), refusal("not-found", /no delivery nonsense/));
});

test("an endpoint is sent the newest notice of each open change that it missed, and nothing that is dead", async () => {
  const no = await soleWebhook("stark");
  const title = (change: string) => `About ${change}`;
  pipeline.receiver.script("/stark", { kind: "answer", status: 500 });
  // CHG-11 failed, then its amendment; CHG-12 failed and was cancelled; CHG-13 failed and was released.
  for (const change of ["CHG-11", "CHG-12", "CHG-13"]) await announce(change, title(change));
  await pipeline.quiet();
  await pipeline.say("updated", { change: "CHG-11", summary: "More to it" });
  await pipeline.say("cancelled", { change: "CHG-12", reason: "Not needed" });
  await pipeline.say("released", { change: "CHG-13" });
  await pipeline.quiet();
  // CHG-14 failed, but its amendment arrived.
  await announce("CHG-14");
  await pipeline.quiet();
  pipeline.receiver.script("/stark", { kind: "answer", status: 204 });
  await pipeline.say("updated", { change: "CHG-14", summary: "More to it" });
  await pipeline.quiet();
  // CHG-15 came while the endpoint was disabled: there is no delivery at all.
  await pipeline.sql.query("UPDATE endpoints SET status = 'disabled' WHERE no = $1", [no]);
  await announce("CHG-15");
  await pipeline.quiet();
  await pipeline.sql.query("UPDATE endpoints SET status = 'active' WHERE no = $1", [no]);

  const wanted = ["CHG-11.r2.amended", "CHG-12.r2.cancelled", "CHG-15.r1.announcement"];
  const before = pipeline.receiver.at("/stark").length;
  const missed = await replays.missed(no, EVER);
  assert.deepEqual(missed.map((it) => it.notice).toSorted(), wanted);
  const late = missed.find((it) => it.change === "CHG-15");
  assert.ok(late);
  assert.deepEqual(
    (await replays.missed(no, late.dueAt)).map((it) => it.notice),
    ["CHG-15.r1.announcement"],
  );
  assert.equal((await replays.endpoint(no, EVER)).length, 3);
  await pipeline.quiet();
  const bodies = pipeline.receiver
    .at("/stark")
    .slice(before)
    .map((post) => (JSON.parse(post.body.toString()) as { data: { notice: { id: string } } }).data.notice.id);
  assert.deepEqual(bodies.toSorted(), wanted);
  assert.deepEqual(await replays.endpoint(no, EVER), [], "replayed again there is nothing left");
});

test("a reminder is replayed while the release is ahead, and dead afterwards", async () => {
  const no = await soleWebhook("wayne");
  pipeline.receiver.script("/wayne", { kind: "answer", status: 500 });
  await pipeline.announce({
    change: "CHG-21",
    category: "major",
    service: "api",
    title: "Soon",
    releaseAt: inDays(40),
  });
  await pipeline.quiet();
  // As it stands ten days later.
  await pipeline.sql.query(
    `UPDATE notices SET status = 'done', due_at = now(), fanned_out_at = now() WHERE id = 'CHG-21.r1.reminder-P1M'`,
  );
  const missed = async () => (await replays.missed(no, EVER)).map((it) => it.notice);
  assert.deepEqual(await missed(), ["CHG-21.r1.reminder-P1M"]);
  await pipeline.sql.query("UPDATE notices SET release_at = now() - interval '1 second' WHERE change = 'CHG-21'");
  assert.deepEqual(await missed(), []);
});

test("over HTTP, enabling an endpoint answers what it missed, and a replay since then sends it", async () => {
  const no = await soleWebhook("tyrell");
  const api = await openApi({ ledger: pipeline.parts.ledger });
  pipeline.receiver.script("/tyrell", { kind: "answer", status: 410 }, { kind: "answer", status: 204 });
  await announce("CHG-31");
  await pipeline.quiet();
  const refused = await api.call("POST", `/v1/deliveries/CHG-31.r1.announcement.ep_${no}/replay`);
  assert.equal(refused.statusCode, 409, refused.body);
  const enabled = (await api.call("POST", `/v1/endpoints/ep_${no}/enable`)).json();
  assert.equal(enabled.status, "active");
  assert.deepEqual(
    enabled.offer.notices.map((it: { notice: string }) => it.notice),
    ["CHG-31.r1.announcement"],
  );
  const url = `/v1/endpoints/ep_${no}/replay`;
  assert.equal((await api.call("POST", url, { body: { since: "yesterday" } })).statusCode, 422);
  const replay = await api.call("POST", url, { body: { since: enabled.offer.since } });
  assert.equal(replay.statusCode, 202, replay.body);
  assert.deepEqual(replay.json().notices, enabled.offer.notices);
  await pipeline.receiver.waitFor(2, { path: "/tyrell" });
});
