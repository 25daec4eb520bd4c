import assert from "node:assert/strict";
import { before, test } from "node:test";
import { makeSealNew } from "../../src/flow/seal.ts";
import { inDays } from "../support/days.ts";
import { openApi, type TestApi } from "../support/api.ts";
import { type Proofs, proofsOf } from "../support/proofs.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

let pipeline: Pipeline;
let api: TestApi;
let proofOf: Proofs["proofOf"];
let rowOf: Proofs["rowOf"];

before(async () => {
  pipeline = await startPipeline();
  api = await openApi({ ledger: pipeline.parts.ledger });
  ({ proofOf, rowOf } = proofsOf(api));
  await pipeline.addService("payments");
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["email", "webhook"]);
  await pipeline.addPartner("globex", ["email"]);
  await pipeline.addPartner("initech", ["webhook"]);
  await pipeline.addPartner("reporters", ["email"], { subscriptions: ["reports"] });
  await pipeline.addPartner("mute", []);
  await pipeline.addPartner("gone", ["email"]);
  await pipeline.sql.query("UPDATE endpoints SET status = 'unsubscribed' WHERE partner = 'gone'");
});

test("the proof names for each partner when it was told, by which rung, and how far ahead", async () => {
  const releaseAt = inDays(40);
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "payments",
    title: "Tokens expire",
    releaseAt,
  });
  await pipeline.quiet();
  const { partners, ...head } = await proofOf("CHG-1");
  assert.deepEqual([head.revision, head.releaseAt, head.minimum, head.seal], [1, releaseAt, "P1M", null]);
  assert.deepEqual(head.totals, { partners: 5, met: 3, breached: 0, waived: 0, pending: 2, unreachable: 2 });
  assert.deepEqual(
    partners.map((row) => [row.partner, row.obligation, row.rung, row.noticeDays, row.noticeMonths, row.reason]),
    [
      ["acme", "met", "delivered", 40, 1, undefined],
      ["globex", "met", "accepted", 40, 1, undefined],
      ["gone", "pending", null, null, null, "unreachable: unsubscribed"],
      ["initech", "met", "delivered", 40, 1, undefined],
      ["mute", "pending", null, null, null, "unreachable"],
    ],
  );
  const gone = partners.find(({ partner }) => partner === "gone");
  assert.equal(gone?.unreachable, true);
  assert.deepEqual(gone?.closed?.length, 1, "the unsubscribed address is named");
  const { rows } = await pipeline.sql.query<{ at: Date; channel: string }>(
    `SELECT d.sent_at AS at, d.channel FROM deliveries d JOIN endpoints e ON e.no = d.endpoint JOIN notices n ON n.no = d.notice
     WHERE e.partner = 'acme' AND n.change = 'CHG-1' AND d.status = 'sent' ORDER BY d.sent_at, d.endpoint LIMIT 1`,
  );
  const acme = await rowOf("CHG-1", "acme");
  assert.deepEqual(
    [acme.toldAt, acme.channel],
    [rows[0]?.at.toISOString(), rows[0]?.channel],
    "the earliest that was sent",
  );
  const first = async (channel: string): Promise<string | undefined> => {
    const sent = await pipeline.sql.query<{ at: Date }>(
      "SELECT d.sent_at AS at FROM deliveries d JOIN endpoints e ON e.no = d.endpoint WHERE e.partner = 'acme' AND d.channel = $1",
      [channel],
    );
    return sent.rows[0]?.at?.toISOString();
  };
  const each = { accepted: await first("email"), delivered: await first("webhook") };
  assert.deepEqual(acme.evidence, each, "each rung");
  assert.deepEqual(gone?.evidence, {});
});

test("a date brought forward counts from the news of it, and one reclassified from the first telling", async () => {
  await pipeline.announce({
    change: "CHG-2",
    category: "major",
    service: "payments",
    title: "Moves",
    releaseAt: inDays(60),
  });
  await pipeline.quiet();
  // As if that had been thirty days ago at the same hour in Paris, which may have changed its clocks since.
  await pipeline.sql.query(
    "UPDATE deliveries SET sent_at = (sent_at AT TIME ZONE 'Europe/Paris' - interval '30 days') AT TIME ZONE 'Europe/Paris' WHERE status = 'sent' AND notice IN (SELECT no FROM notices WHERE change = 'CHG-2')",
  );
  assert.equal((await rowOf("CHG-2", "globex")).noticeDays, 90);
  await api.call("POST", "/v1/changes/CHG-2/acknowledgements", {
    body: { partner: "globex", revision: 1, status: "ready", by: "Gus" },
  });
  assert.equal((await rowOf("CHG-2", "globex")).rung, "acknowledged");

  await pipeline.say("updated", { change: "CHG-2", releaseAt: inDays(20), reason: "the vendor stops earlier" });
  await pipeline.quiet();
  const forward = await rowOf("CHG-2", "globex");
  assert.deepEqual([forward.obligation, forward.noticeDays, forward.reason], ["breached", 20, "told too late"]);
  assert.deepEqual(
    [forward.rung, forward.acknowledgement],
    ["accepted", undefined],
    "the earlier word no longer counts",
  );

  await pipeline.say("updated", { change: "CHG-2", businessCritical: true });
  await pipeline.quiet();
  const raised = await proofOf("CHG-2");
  assert.equal(raised.minimum, "P3M");
  assert.equal(raised.partners.find(({ partner }) => partner === "globex")?.noticeDays, 20);
});

test("while some endpoint of a partner is still tried, it is not told yet, whatever became of another", async () => {
  await pipeline.addPartner("several", ["webhook", "email"], { subscriptions: ["reports"] });
  await pipeline.announce({
    change: "CHG-8",
    category: "major",
    service: "reports",
    title: "Several",
    releaseAt: inDays(60),
  });
  await pipeline.quiet();
  const put = (channel: string, to: string): Promise<unknown> =>
    pipeline.sql.query(
      `UPDATE deliveries SET sent_at = NULL, ${to} WHERE endpoint IN (SELECT no FROM endpoints WHERE partner = 'several' AND channel = $1)
         AND notice IN (SELECT no FROM notices WHERE change = 'CHG-8')`,
      [channel],
    );
  await put("webhook", "status = 'skipped', reason = 'endpoint-disabled'");
  await put("email", "status = 'waiting', due_at = now() + interval '1 hour', chunk = NULL");
  assert.equal((await rowOf("CHG-8", "several")).reason, "not told yet");
  await put("email", "status = 'failed', reason = 'retries-used-up', chunk = 0");
  assert.match((await rowOf("CHG-8", "several")).reason ?? "", /^(endpoint-disabled|retries-used-up)$/);
  await pipeline.sql.query("UPDATE partners SET subscriptions = '{}' WHERE partner = 'several'");
});

test("a waiver of the whole change shows in its verdict and in every breach; a date that moves ends it", async () => {
  await pipeline.announce({
    change: "CHG-3",
    category: "major",
    service: "payments",
    title: "Too soon",
    releaseAt: inDays(20),
  });
  await pipeline.quiet();
  const verdict = async () =>
    (await api.call("GET", "/v1/changes/CHG-3")).json<{ verdict: { status: string } }>().verdict;
  assert.equal((await verdict()).status, "short");
  assert.deepEqual((await proofOf("CHG-3")).totals["breached"], 5);

  const one = await api.call("POST", "/v1/changes/CHG-3/waivers", {
    body: { by: "Ada", reason: "they asked for it", partner: "acme" },
  });
  assert.equal(one.statusCode, 201, one.body);
  assert.equal((await rowOf("CHG-3", "acme")).obligation, "waived");
  assert.equal((await verdict()).status, "short", "one partner's waiver is not everyone's");

  const all = await api.call("POST", "/v1/changes/CHG-3/waivers", { body: { by: "Bea", reason: "a leak" } });
  assert.deepEqual({ ...all.json<object>(), at: "" }, { change: "CHG-3", by: "Bea", reason: "a leak", at: "" });
  assert.equal((await verdict()).status, "waived");
  const { totals, partners } = await proofOf("CHG-3");
  assert.deepEqual([totals["waived"], totals["breached"]], [5, 0]);
  assert.deepEqual(
    partners.filter(({ waiver }) => waiver?.by === "Ada").map(({ partner }) => partner),
    ["acme"],
    "the partner's own stands before everyone's",
  );
  const listed = await api.call("GET", "/v1/changes/CHG-3/waivers");
  assert.equal(listed.json<{ items: unknown[] }>().items.length, 2);

  await pipeline.say("updated", { change: "CHG-3", releaseAt: inDays(13), reason: "sooner still" });
  await pipeline.quiet();
  assert.equal((await verdict()).status, "short");
  assert.equal((await proofOf("CHG-3")).totals["breached"], 5);
});

test("a partner who joins late is marked; one who leaves keeps its evidence, and its id once it is erased", async () => {
  await pipeline.announce({
    change: "CHG-4",
    category: "major",
    service: "payments",
    title: "Come and go",
    releaseAt: inDays(50),
  });
  await pipeline.quiet();
  await pipeline.addPartner("newcomer", ["email"]);
  const told = await rowOf("CHG-4", "initech");
  const left = await api.call("DELETE", "/v1/partners/initech");
  assert.equal(left.statusCode, 204, left.body);
  assert.deepEqual(await rowOf("CHG-4", "initech"), told, "what was proved stays proved");
  const newcomer = await until(
    async () => {
      const row = await rowOf("CHG-4", "newcomer");
      return row.toldAt === null ? null : row;
    },
    { what: "the newcomer is told" },
  );
  assert.deepEqual([newcomer.obligation, newcomer.reason, newcomer.noticeDays], ["met", "joined late", 50]);
});

test("a change that nobody knows has no proof, and its words are refused", async () => {
  for (const path of ["proof", "proof.csv", "proof.html", "acknowledgements", "waivers"])
    assert.equal((await api.call("GET", `/v1/changes/NONE/${path}`)).statusCode, 404, path);
  const ack = { partner: "acme", revision: 1, status: "seen", by: "Ada" };
  assert.equal((await api.call("POST", "/v1/changes/NONE/acknowledgements", { body: ack })).statusCode, 404);
  assert.equal(
    (await api.call("POST", "/v1/changes/NONE/waivers", { body: { by: "A", reason: "b" } })).statusCode,
    404,
  );
});

test("an acknowledgement names a revision that exists, a partner whom it concerns, and a known word", async () => {
  const good = { partner: "acme", revision: 1, status: "seen", by: "Ada" };
  const faults = async (body: object): Promise<[number, string[]]> => {
    const answer = await api.call("POST", "/v1/changes/CHG-1/acknowledgements", { body });
    return [answer.statusCode, (answer.json<{ errors?: { path: string }[] }>().errors ?? []).map(({ path }) => path)];
  };
  assert.deepEqual(await faults({ ...good, revision: 2 }), [422, ["revision"]]);
  assert.deepEqual(await faults({ ...good, revision: 0 }), [422, ["revision"]]);
  assert.deepEqual(await faults({ ...good, partner: "nobody" }), [422, ["partner"]]);
  assert.deepEqual(await faults({ ...good, partner: "reporters" }), [422, ["partner"]]);
  assert.deepEqual(await faults({ ...good, status: "read" }), [422, ["status"]]);
  assert.deepEqual(await faults({ ...good, by: "" }), [422, ["by"]]);
  assert.deepEqual(await faults({ ...good, by: "Ada\r\nBcc: x" }), [422, ["by"]]);
  assert.deepEqual(await faults({ ...good, note: "x".repeat(2_001) }), [422, ["note"]]);
  assert.deepEqual(await faults({ ...good, extra: 1 }), [422, ["extra"]]);
  assert.deepEqual(await faults({}), [422, ["partner", "revision", "status", "by"]]);
});

test("the same word twice is one; different words are listed in order", async () => {
  const post = (body: object) => api.call("POST", "/v1/changes/CHG-4/acknowledgements", { body });
  const seen = { partner: "globex", revision: 1, status: "seen", by: "Gus" };
  assert.equal((await post(seen)).statusCode, 201);
  assert.equal((await post(seen)).statusCode, 200);
  assert.equal((await post({ ...seen, status: "ready", note: "done\nwell" })).statusCode, 201);
  const page = await api.call("GET", "/v1/changes/CHG-4/acknowledgements?partner=globex&limit=1");
  const { items, next } = page.json<{ items: { status: string }[]; next: string }>();
  assert.deepEqual(
    items.map(({ status }) => status),
    ["seen"],
  );
  const rest = await api.call("GET", `/v1/changes/CHG-4/acknowledgements?limit=1&cursor=${next}`);
  assert.deepEqual(
    rest.json<{ items: { status: string; note: string }[] }>().items.map(({ note }) => note),
    ["done\nwell"],
  );
  const row = await rowOf("CHG-4", "globex");
  assert.deepEqual(
    [row.rung, row.acknowledgement?.status, row.acknowledgement?.note],
    ["acknowledged", "ready", "done\nwell"],
  );
});

test("the proof bears the newest seal", async () => {
  await makeSealNew({ ledger: pipeline.parts.ledger, log: quietLog, marginMs: 0 })();
  const { seal } = await proofOf("CHG-1");
  assert.match(seal?.seal ?? "", /^[0-9a-f]{64}$/);
});

test("a category without notices owes nobody anything", async () => {
  await pipeline.announce({ change: "CHG-9", category: "normal", service: "payments", title: "Faster" });
  const { minimum, totals } = await proofOf("CHG-9");
  assert.equal(minimum, null);
  assert.equal(totals["met"], totals["partners"]);
});
