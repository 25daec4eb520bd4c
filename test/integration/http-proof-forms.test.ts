import assert from "node:assert/strict";
import { before, test } from "node:test";
import { parse } from "csv-parse/sync";
import { inDays } from "../support/days.ts";
import { openApi, type TestApi } from "../support/api.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { proofsOf } from "../support/proofs.ts";
import { tokensExpire } from "../support/tokens-expire.ts";

let pipeline: Pipeline;
let api: TestApi;

before(async () => {
  pipeline = await startPipeline({ running: false });
  api = await openApi({ ledger: pipeline.parts.ledger });
  await pipeline.addService("payments");
  await pipeline.addPartner("acme", ["email", "webhook"]);
  await pipeline.addPartner("gone", ["email"]);
  await pipeline.sql.query("UPDATE endpoints SET status = 'unsubscribed' WHERE partner = 'gone'");
  await pipeline.announce(tokensExpire(40));
  await pipeline.announce({ ...tokensExpire(20), change: "CHG-2" });
});

test("the table has a row a partner, and nothing in it that a spreadsheet would run", async () => {
  await pipeline.sql.query("INSERT INTO partners (partner, name) VALUES ('-minus', 'Minus')");
  const said = await api.call("POST", "/v1/changes/CHG-1/acknowledgements", {
    body: { partner: "acme", revision: 1, status: "seen", by: "@sum", note: 'a "quoted", word' },
  });
  assert.equal(said.statusCode, 201, said.body);
  const answer = await api.call("GET", "/v1/changes/CHG-1/proof.csv", { key: api.keys.read });
  assert.match(String(answer.headers["content-type"]), /^text\/csv/);
  assert.match(String(answer.headers["content-disposition"]), /CHG-1-proof\.csv/);
  const rows = parse<Record<string, string>>(answer.body, { columns: true });
  const json = await proofsOf(api).proofOf("CHG-1");
  assert.equal(rows.length, json.totals["partners"]);
  assert.deepEqual(Object.keys(rows[0] ?? {}).slice(0, 10), [
    "partner",
    "obligation",
    "toldAt",
    "channel",
    "rung",
    "noticeDays",
    "noticeMonths",
    "acknowledgement",
    "waiver",
    "reason",
  ]);
  assert.equal(rows[0]?.["partner"], "'-minus");
  const acme = rows.find(({ partner }) => partner === "acme");
  assert.match(acme?.["acknowledgement"] ?? "", /^seen \(revision 1\) by @sum at .*: a "quoted", word$/);
  for (const row of rows)
    for (const cell of Object.values(row)) assert.ok(!/^[=+@\t\r]|^-\D/.test(cell), `a formula: ${cell}`);
});

test("the page holds the same, escaped, without anything that runs", async () => {
  await api.call("POST", "/v1/changes/CHG-2/waivers", { body: { by: "Mal", reason: "<script>alert(1)</script>" } });
  const answer = await api.call("GET", "/v1/changes/CHG-2/proof.html", { key: api.keys.read });
  assert.equal(answer.statusCode, 200, answer.body);
  assert.match(answer.body, /Proof of notice/);
  assert.match(answer.body, /&lt;script&gt;/);
  assert.ok(!answer.body.includes("<script"));
  assert.match(answer.body, /@media print/);
  assert.ok(answer.body.includes('<th scope="row">acme</th>'));
});

test("a proof of thousands of partners, right after they were told, reads each by its key", async () => {
  const crowd = await startPipeline({ running: false });
  const many = await openApi({ ledger: crowd.parts.ledger });
  await crowd.addService("payments");
  await crowd.addPartners(5_000, "email");
  await crowd.announce({
    change: "CHG-1",
    category: "major",
    service: "payments",
    title: "Crowd",
    releaseAt: inDays(40),
  });
  // No ANALYZE has seen these rows: the planner thinks that there are none.
  await crowd.sql.query("UPDATE notices SET status = 'done', fan_out_started_at = now() WHERE kind = 'announcement'");
  await crowd.sql.query(`INSERT INTO deliveries (notice, endpoint, lane, channel, status, chunk, due_at, sent_at)
    SELECT n.no, e.no, 'routine', 'email', 'sent', 0, now(), now() FROM notices n CROSS JOIN endpoints e WHERE n.kind = 'announcement'`);
  const begunAt = performance.now();
  const answer = await many.call("GET", "/v1/changes/CHG-1/proof.csv");
  const tookMs = performance.now() - begunAt;
  assert.equal(answer.body.split("\r\n").filter((line) => line.includes(",met,")).length, 5_000);
  assert.ok(tookMs < 15_000, `${tookMs} ms: every partner read every delivery`);
});
