import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import { makeSealNew } from "../../src/flow/seal.ts";
import { openApi, type TestApi } from "../support/api.ts";
import { bounceMail } from "../support/bounce-mail.ts";
import { type Run, runCommand } from "../support/command-line.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { quietLog } from "../support/servers.ts";
import { tokensExpire } from "../support/tokens-expire.ts";
import { until } from "../support/until.ts";

let pipeline: Pipeline;
let api: TestApi;
let url: string;

/** Runs the real command line against a real API. */
const forewarn = (args: string[], input = ""): Promise<Run> =>
  runCommand(args, { FOREWARN_URL: url, FOREWARN_KEY: api.keys.admin }, input);

before(async () => {
  pipeline = await startPipeline();
  api = await openApi({ ledger: pipeline.parts.ledger });
  await api.app.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}`;
  await pipeline.addService("payments");
  await pipeline.addPartner("acme", ["email"]);
  await pipeline.addPartner("mute", []);
  await pipeline.announce(tokensExpire(40));
  await pipeline.quiet();
  const sealNew = makeSealNew({ ledger: pipeline.parts.ledger, log: quietLog, marginMs: 0 });
  let sealed = 0;
  await until(async () => (sealed += await sealNew()) >= 2, { what: "the revision and the delivery are sealed" });
});

test("proof shows who was told and how far ahead, as a table, as JSON and as CSV", async () => {
  const shown = await forewarn(["proof", "CHG-1"]);
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /2 partners, 1 pending, 1 met, 1 unreachable/);
  assert.match(shown.out, /acme +met +\d{4}-\d\d-\d\d \d\d:\d\d +email +accepted +40 days \(1 month\)/);
  assert.match(shown.out, /sealed up to .* by seal \d+, [0-9a-f]{64}/);
  assert.ok(shown.out.indexOf("mute") < shown.out.indexOf("acme"), "what wants attention comes first");

  const asJson = JSON.parse((await forewarn(["proof", "CHG-1", "--json"])).out) as { totals: { met: number } };
  assert.equal(asJson.totals.met, 1);
  const { out } = await forewarn(["proof", "CHG-1", "--csv"]);
  assert.deepEqual(
    out
      .trim()
      .split(/\r?\n/)
      .map((line) => line.split(",").slice(0, 2).join()),
    ["partner,obligation", "acme,met", "mute,pending"],
  );
});

test("each partner whom no endpoint reaches any more is marked, and each endpoint that takes nothing, though it was told in time", async () => {
  await pipeline.sql.query("UPDATE endpoints SET status = 'unsubscribed' WHERE partner = 'acme'");
  const { out } = await forewarn(["proof", "CHG-1"]);
  await pipeline.sql.query("UPDATE endpoints SET status = 'active' WHERE partner = 'acme'");
  assert.match(out, /2 partners, 1 pending, 1 met, 2 unreachable/);
  assert.match(out, /^acme +met .* unreachable; email ep_\d+ unsubscribed$/m);
  assert.match(out, /^mute +pending +unreachable$/m);
});

test("a change says first whom no endpoint reaches", async () => {
  const { out, err, code } = await forewarn(["change", "CHG-1"]);
  assert.equal(code, 0, err);
  assert.match(out, /^CHG-1 .*\nrevision 1 .*\nno endpoint reaches 1 partner: mute\n/);
});

test("proof asks for a change, and says when there is none", async () => {
  const bare = await forewarn(["proof"]);
  assert.equal(bare.code, 2);
  assert.match(bare.err, /name a change/);
  const absent = await forewarn(["proof", "NONE"]);
  assert.equal(absent.code, 1);
  assert.match(absent.err, /there is no change NONE/);
});

test("proof --verify checks every seal, and names the row that somebody altered", async () => {
  const whole = await forewarn(["proof", "--verify"]);
  assert.equal(whole.code, 0, whole.err);
  assert.match(whole.out, /checked \d+ seals? over \d+ rows up to/);
  await pipeline.sql.query("UPDATE deliveries SET sent_at = sent_at - interval '1 ms' WHERE status = 'sent'");
  const altered = await forewarn(["proof", "CHG-1", "--verify"]);
  assert.equal(altered.code, 1);
  assert.match(altered.err, /the ledger is not what was sealed/);
  assert.match(altered.err, /delivery CHG-1\.r1\.announcement\.ep_\d+: was altered after it was sealed/);
  assert.match(altered.out, /acme +met/, "the proof itself is shown all the same");
  const asJson = await forewarn(["proof", "--verify", "--json"]);
  assert.equal(asJson.code, 1);
  assert.equal((JSON.parse(asJson.out) as { intact: boolean }).intact, false);
});

test("bounce takes a report from standard input, and leaves other mail alone", async () => {
  const [mail] = pipeline.mailbox.to("acme@partner.example");
  const returned = mail?.raw.toString("latin1").split("\r\n\r\n", 1)[0] ?? "";
  const taken = await forewarn(["bounce"], bounceMail({ recipient: "acme@partner.example", returned }));
  assert.equal(taken.code, 0, taken.err);
  assert.match(taken.out, /acme ep_\d+ is marked as bounced \(CHG-1\.r1\.announcement\.ep_\d+, 5\.1\.1\)/);
  const other = await forewarn(["bounce", "--json"], "Subject: hello\r\n\r\nhello");
  assert.deepEqual([other.code, JSON.parse(other.out)], [0, { matched: false }]);
  const empty = await forewarn(["bounce"]);
  assert.equal(empty.code, 1);
  assert.match(empty.err, /empty/);
});
