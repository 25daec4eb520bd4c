import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeSealNew, type SealNew } from "../../src/flow/seal.ts";
import { makeVerifySeals, type Verified } from "../../src/flow/verify-seals.ts";
import { inTransaction } from "../../src/ledger/connection.ts";
import { inDays } from "../support/days.ts";
import { spanEnds } from "../../src/ledger/seals.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

const ROLLED_BACK = new Error("only looked at");

let pipeline: Pipeline;
let sealNew: SealNew;

const verify = (after = 0): Promise<Verified> => makeVerifySeals({ ledger: pipeline.parts.ledger })(after);
const intact = async (): Promise<void> => assert.deepEqual((await verify()).faults, []);

/** Seals until nothing is left: other transactions may hold the horizon back for a moment. */
const sealAll = (): Promise<unknown> =>
  until(
    async () => {
      await sealNew();
      const { rows } = await pipeline.sql.query<{ open: boolean }>(
        `SELECT EXISTS (SELECT FROM deliveries WHERE sent_at > (SELECT coalesce(max(through), '-infinity') FROM seals))
             OR EXISTS (SELECT FROM waivers WHERE at > (SELECT coalesce(max(through), '-infinity') FROM seals)) AS open`,
      );
      return rows[0]?.open === false;
    },
    { what: "everything is sealed" },
  );

before(async () => {
  pipeline = await startPipeline();
  sealNew = makeSealNew({ ledger: pipeline.parts.ledger, log: quietLog, marginMs: 0, limit: 30 });
  await pipeline.addService("payments");
  await pipeline.addPartners(100, "email");
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "payments",
    title: "Sealed",
    releaseAt: inDays(40),
  });
  await pipeline.quiet(30_000);
  await pipeline.sql.query(`INSERT INTO waivers (change, "by", reason) VALUES ('CHG-1', 'Ada', 'a leak')`);
  await sealAll();
});

test("all that was recorded is sealed, in a chain that holds", async () => {
  const { rows } = await pipeline.sql.query<{ seals: number; rows: number }>(
    "SELECT count(*) AS seals, sum(rows) AS rows FROM seals",
  );
  const verified = await verify();
  assert.equal(verified.rows, 102, "a revision, 100 deliveries and a waiver");
  assert.equal(verified.rows, Number(rows[0]?.rows));
  assert.equal(verified.seals, rows[0]?.seals);
  assert.equal(verified.next, null);
  await intact();
});

test("nothing new makes no seal; what waits is not sealed and may move on", async () => {
  await sealAll();
  const count = async () => (await pipeline.sql.query("SELECT FROM seals")).rowCount;
  const before = await count();
  assert.equal(await sealNew(), 0);
  assert.equal(await count(), before);
  await pipeline.sql.query(
    "INSERT INTO deliveries (notice, endpoint, lane, channel, due_at) SELECT -1, 1, 'routine', 'email', now() + interval '1 day'",
  );
  await sealNew();
  await pipeline.sql.query(
    "UPDATE deliveries SET status = 'skipped', reason = 'overtaken', chunk = 0 WHERE notice = -1",
  );
  await intact();
});

/** What somebody with the database's password might do, how to undo it, and which row is then named. */
const TAMPERINGS: readonly (readonly [string, string, string, string, RegExp])[] = [
  [
    "a delivery's time",
    "UPDATE deliveries SET sent_at = sent_at - interval '1 ms' WHERE endpoint = 7 AND status = 'sent'",
    "UPDATE deliveries SET sent_at = sent_at + interval '1 ms' WHERE endpoint = 7 AND status = 'sent'",
    "altered",
    /^delivery CHG-1\.r1\.announcement\.ep_7$/,
  ],
  [
    "a delivery's time, beyond every seal",
    "UPDATE deliveries SET sent_at = sent_at + interval '30 days' WHERE endpoint = 8 AND status = 'sent'",
    "UPDATE deliveries SET sent_at = sent_at - interval '30 days' WHERE endpoint = 8 AND status = 'sent'",
    "removed",
    /\.ep_8$/,
  ],
  [
    "a delivery taken back",
    "UPDATE deliveries SET status = 'failed' WHERE endpoint = 9",
    "UPDATE deliveries SET status = 'sent' WHERE endpoint = 9",
    "removed",
    /\.ep_9$/,
  ],
  [
    "a relay's answer",
    "UPDATE deliveries SET first_answer = first_answer || '!' WHERE endpoint = 10",
    "UPDATE deliveries SET first_answer = left(first_answer, -1) WHERE endpoint = 10",
    "altered",
    /\.ep_10$/,
  ],
  [
    "whose endpoint it was",
    "UPDATE endpoints SET partner = 'p1' WHERE no = 11",
    "UPDATE endpoints SET partner = 'p11' WHERE no = 11",
    "altered",
    /\.ep_11$/,
  ],
  ["a waiver's name", `UPDATE waivers SET "by" = 'Eve'`, `UPDATE waivers SET "by" = 'Ada'`, "altered", /^waiver 1$/],
  [
    "the promised date",
    `UPDATE revisions SET state = jsonb_set(state, '{fields,releaseAt}', '"2030-01-01"')`,
    `UPDATE revisions SET state = (SELECT state FROM changes WHERE change = 'CHG-1')`,
    "altered",
    /^revision CHG-1\.r1$/,
  ],
];

test("a row that somebody altered is named, and nothing is once it is put back", async () => {
  await intact();
  for (const [what, alter, undo, kind, row] of TAMPERINGS) {
    await pipeline.sql.query(alter);
    const { faults } = await verify();
    assert.ok(
      faults.some((fault) => fault.what === kind && row.test(fault.row ?? "")),
      `${what}: ${JSON.stringify(faults)}`,
    );
    assert.ok(faults.length <= 2, `${what} blames nobody else: ${JSON.stringify(faults)}`);
    await pipeline.sql.query(undo);
    await intact();
  }
});

test("a delivery slipped into the past is named", async () => {
  await pipeline.sql.query(
    `INSERT INTO partners (partner, name) VALUES ('late', 'Late');
     INSERT INTO endpoints (partner, channel, address, unwelcomed) VALUES ('late', 'email', 'late@partner.example', false);
     INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at)
     SELECT d.notice, e.no, d.lane, d.channel, 'sent', 0, d.due_at, d.sent_at
     FROM (SELECT * FROM deliveries WHERE status = 'sent' LIMIT 1) d, endpoints e WHERE e.partner = 'late'`,
  );
  const { faults } = await verify();
  assert.deepEqual(
    faults.map(({ what }) => what),
    ["added"],
  );
  await pipeline.sql.query("DELETE FROM deliveries d USING endpoints e WHERE e.no = d.endpoint AND e.partner = 'late'");
  await intact();
});

test("a seal whose end was moved is blamed with the one after it, and no other", async () => {
  const { rows } = await pipeline.sql.query<{ no: number; through: Date }>("SELECT no, through FROM seals ORDER BY no");
  assert.ok(rows.length >= 4, `${rows.length} seals`);
  for (const { no, through } of rows)
    for (const by of ["-2 hours", "30 days"]) {
      await pipeline.sql.query("UPDATE seals SET through = through + $2::interval WHERE no = $1", [no, by]);
      const { faults } = await verify();
      const blamed = [...new Set(faults.map(({ seal }) => seal))];
      assert.ok(
        blamed.length > 0 && blamed.every((one) => one === no || one === no + 1),
        `${no} ${by}: ${blamed.join()}`,
      );
      await pipeline.sql.query("UPDATE seals SET through = $2 WHERE no = $1", [no, through]);
      await intact();
    }
});

test("many rows of one time make no seal of all that is left", async () => {
  const { sql } = pipeline;
  const { rows } = await sql.query<{ sent: number }>("SELECT count(*) AS sent FROM deliveries WHERE status = 'sent'");
  await inTransaction(pipeline.parts.ledger.pools.routine, async (client) => {
    await client.query(
      "UPDATE deliveries SET sent_at = now() - interval '1 hour' - endpoint / 20 * interval '1 second' WHERE status = 'sent'",
    );
    const through = new Date(Date.now() - 1_800_000);
    const ends = await spanEnds(client, { from: null, through }, { limit: 5, most: 10 });
    assert.equal(rows[0]?.sent, 100);
    assert.equal(ends.length, 3, "fifty places at three times");
    assert.ok((ends.at(-1) ?? through) < through, "the rest waits for the next time");
    throw ROLLED_BACK;
  }).catch((error: unknown) => assert.equal(error, ROLLED_BACK));
});

test("revisions, which are sealed with all that they say, make shorter spans", async () => {
  await inTransaction(pipeline.parts.ledger.pools.routine, async (client) => {
    await client.query(
      `INSERT INTO revisions (change, revision, event, policy, lane, state, differs, minor, verdict, accepted_at)
       SELECT change, 1 + n, event, policy, lane, state, differs, minor, verdict, date_trunc('second', now()) + n * interval '1 minute'
       FROM revisions, generate_series(1, 10) AS n`,
    );
    const { rows } = await client.query<{ from: Date; through: Date }>(
      "SELECT date_trunc('second', now()) AS from, date_trunc('second', now()) + interval '1 hour' AS through",
    );
    const [span] = rows;
    assert.ok(span);
    const ends = await spanEnds(client, span, { limit: 8, most: 10 });
    assert.deepEqual(
      ends.map((end) => (end.getTime() - span.from.getTime()) / 60_000),
      [2, 4, 6, 8, 10, 60],
    );
    throw ROLLED_BACK;
  }).catch((error: unknown) => assert.equal(error, ROLLED_BACK));
});

test("a seal that was altered or taken out is found, whatever the rows say", async () => {
  await pipeline.sql.query("UPDATE seals SET seal = sha256(seal) WHERE no = (SELECT max(no) FROM seals)");
  const altered = await verify();
  assert.deepEqual(
    altered.faults.map(({ what, row }) => [what, row]),
    [["seal", null]],
  );
  // Sealed again over the altered one, then without the one in between.
  await pipeline.sql.query(`INSERT INTO waivers (change, "by", reason) VALUES ('CHG-1', 'Bea', 'x')`);
  await sealAll();
  await pipeline.sql.query("DELETE FROM seals WHERE no = (SELECT max(no) - 1 FROM seals)");
  assert.ok((await verify()).faults.length > 0);
});

test("a span is closed only when no transaction can still write into it", async () => {
  const own = await startPipeline({ running: false });
  const seal = makeSealNew({ ledger: own.parts.ledger, log: quietLog, marginMs: 0 });
  await own.addService("s");
  await own.announce({ change: "CHG-1", category: "normal", service: "s", title: "t" });
  await inTransaction(own.parts.ledger.pools.urgent, async (sql) => {
    await sql.query(`INSERT INTO waivers (change, "by", reason) VALUES ('CHG-1', 'Ada', 'slow')`);
    await seal();
    const { rows } = await own.sql.query<{ early: boolean }>(
      "SELECT coalesce(max(through), '-infinity') < now() AND NOT EXISTS (SELECT FROM seals s, pg_stat_activity a WHERE a.state = 'idle in transaction' AND s.through >= date_trunc('milliseconds', a.xact_start)) AS early FROM seals",
    );
    assert.equal(rows[0]?.early, true);
  });
  const sealed = await until(seal, { what: "the late row is sealed" });
  assert.ok(sealed >= 1);
  const { faults, rows } = await makeVerifySeals({ ledger: own.parts.ledger })(0);
  assert.deepEqual([faults, rows], [[], 2]);
});
