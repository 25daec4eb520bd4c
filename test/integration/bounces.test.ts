import assert from "node:assert/strict";
import { before, test } from "node:test";
import { openApi, type TestApi } from "../support/api.ts";
import { bounceMail, type BounceParts } from "../support/bounce-mail.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { tokensExpire } from "../support/tokens-expire.ts";

let pipeline: Pipeline;
let api: TestApi;

const PARTNERS = ["hard", "soft", "envelope", "forward", "twice", "other", "both"] as const;
const boxOf = (partner: string): string => `${partner}@partner.example`;

type Taken = { matched: boolean; bounces?: { delivery: string; endpoint: string; kind: string; status: string }[] };

const post = async (parts: BounceParts): Promise<Taken> => {
  const answer = await api.call("POST", "/v1/bounces", {
    key: api.keys.emit,
    body: bounceMail(parts),
    type: "message/rfc822",
  });
  assert.equal(answer.statusCode, 202, answer.body);
  return answer.json<Taken>();
};
/** The headers of the mail that a partner got, as a mail server gives them back. */
const headersOf = (partner: string): string => {
  const [mail] = pipeline.mailbox.to(boxOf(partner));
  assert.ok(mail);
  return mail.raw.toString("latin1").split("\r\n\r\n", 1)[0] ?? "";
};
const statusOf = async (partner: string): Promise<string[]> => {
  const { rows } = await pipeline.sql.query<{ status: string }>(
    "SELECT channel || ' ' || status AS status FROM endpoints WHERE partner = $1 ORDER BY channel",
    [partner],
  );
  return rows.map(({ status }) => status);
};
const bouncesOf = async (partner: string): Promise<unknown[]> =>
  (
    await pipeline.sql.query(
      "SELECT b.kind, b.code FROM bounces b JOIN endpoints e ON e.no = b.endpoint WHERE e.partner = $1 ORDER BY b.no",
      [partner],
    )
  ).rows;

before(async () => {
  pipeline = await startPipeline();
  api = await openApi({ ledger: pipeline.parts.ledger });
  await pipeline.addService("payments");
  for (const partner of PARTNERS)
    await pipeline.addPartner(partner, partner === "both" ? ["email", "webhook"] : ["email"]);
  await pipeline.announce(tokensExpire());
  await pipeline.quiet();
});

test("a hard bounce finds its delivery by the returned headers and marks the address, once", async () => {
  const parts = { recipient: "HARD@Partner.example", returned: headersOf("hard") };
  const taken = await post(parts);
  assert.equal(taken.matched, true);
  const [bounce] = taken.bounces ?? [];
  assert.match(bounce?.delivery ?? "", /^CHG-1\.r1\.announcement\.ep_\d+$/);
  assert.deepEqual([bounce?.kind, bounce?.status], ["hard", "5.1.1"]);
  assert.deepEqual(await statusOf("hard"), ["email bounced"]);
  const proof = await api.call("GET", "/v1/changes/CHG-1/proof");
  const row = proof
    .json<{ partners: { partner: string; toldAt: null; obligation: string; reason: string }[] }>()
    .partners.find(({ partner }) => partner === "hard");
  assert.deepEqual(
    [row?.toldAt, row?.obligation, row?.reason],
    [null, "pending", "unreachable: bounced"],
    "it never arrived",
  );

  // Put back by the partner; the same old report again is no news.
  await pipeline.sql.query("UPDATE endpoints SET status = 'active' WHERE partner = 'hard'");
  assert.equal((await post(parts)).matched, true);
  assert.deepEqual(await statusOf("hard"), ["email active"]);
  assert.equal((await bouncesOf("hard")).length, 1);
});

test("a soft bounce is counted and marks nothing, a delay is no bounce", async () => {
  const returned = headersOf("soft");
  const taken = await post({ recipient: boxOf("soft"), status: "4.4.7", returned });
  assert.equal(taken.bounces?.[0]?.kind, "soft");
  await post({ recipient: boxOf("soft"), status: "5.2.2", returned });
  const delayed = await post({ recipient: boxOf("soft"), action: "delayed", status: "4.4.1", returned });
  assert.equal(delayed.bounces?.[0]?.kind, "none");
  assert.deepEqual(await statusOf("soft"), ["email active"]);
  assert.deepEqual(await bouncesOf("soft"), [
    { kind: "soft", code: "4.4.7" },
    { kind: "soft", code: "5.2.2" },
  ]);
});

test("the envelope's id alone finds its way back, and a whole returned mail does", async () => {
  const id = /msg_[a-z2-7]{26}/.exec(headersOf("envelope"))?.[0] ?? "";
  assert.equal((await post({ recipient: boxOf("envelope"), envelopeId: id })).matched, true);
  assert.deepEqual(await statusOf("envelope"), ["email bounced"]);
});

test("a mail that was forwarded is found by whom it was written to", async () => {
  const whole = pipeline.mailbox.to(boxOf("forward"))[0]?.raw.toString("latin1") ?? "";
  const taken = await post({ recipient: "someone@elsewhere.example", returned: whole, returnedType: "message/rfc822" });
  assert.equal(taken.matched, true);
  assert.deepEqual(await statusOf("forward"), ["email bounced"]);
});

test("only the mail endpoint is ever touched", async () => {
  assert.equal((await post({ recipient: boxOf("both"), returned: headersOf("both") })).matched, true);
  assert.deepEqual(await statusOf("both"), ["email bounced", "webhook active"]);
});

test("a report on no mail of ours, for another address, or of another kind is left alone", async () => {
  const strange = "msg_aaaaaaaaaaaaaaaaaaaaaaaaaa";
  assert.deepEqual(await post({ recipient: boxOf("other") }), { matched: false });
  assert.deepEqual(await post({ recipient: boxOf("other"), envelopeId: strange }), { matched: false });
  // The id of another partner's mail proves nothing of this one.
  const foreign = /msg_[a-z2-7]{26}/.exec(headersOf("twice"))?.[0] ?? "";
  assert.deepEqual(await post({ recipient: boxOf("other"), envelopeId: foreign }), { matched: false });
  const reply = await api.call("POST", "/v1/bounces", {
    body: `From: a@b.example\r\nSubject: Re\r\n\r\n${foreign}`,
    type: "message/rfc822",
  });
  assert.deepEqual([reply.statusCode, reply.json()], [202, { matched: false }]);
  assert.deepEqual(await statusOf("other"), ["email active"]);
  assert.deepEqual(await statusOf("twice"), ["email active"]);
});

test("a body that is empty, too large or of another type is refused", async () => {
  const status = async (body: string | Buffer, type: string): Promise<number> =>
    (await api.call("POST", "/v1/bounces", { body, type })).statusCode;
  assert.equal(await status("", "message/rfc822"), 400);
  assert.equal(await status(Buffer.alloc(1024 * 1024 + 1, 120), "message/rfc822"), 413);
  assert.equal(await status("{}", "application/json"), 415);
});
