import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Webhook } from "standardwebhooks";
import { checkSecret, newSecret, sign, webhookId } from "../../src/senders/signature.ts";

const VECTOR = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  timestamp: 1_614_265_330,
  body: Buffer.from('{"test": 2432232314}'),
  signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};

test("the vector of Standard Webhooks is signed to the letter", () => {
  assert.equal(sign({ ...VECTOR, secrets: [VECTOR.secret] }), VECTOR.signature);
});

test("what is signed under any secret of 24 to 64 bytes passes the partner's own verifier", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.string({ unit: "binary" }), (bytes, text) => {
      const secret = `whsec_${Buffer.from(bytes).toString("base64")}`;
      const body = Buffer.from(JSON.stringify({ text }));
      const timestamp = Math.floor(Date.now() / 1000);
      const headers = {
        "webhook-id": "msg_a",
        "webhook-timestamp": String(timestamp),
        "webhook-signature": sign({ id: "msg_a", timestamp, body, secrets: [secret] }),
      };
      new Webhook(secret).verify(body, headers);
      assert.throws(() => new Webhook(secret).verify(Buffer.concat([body, Buffer.from(" ")]), headers));
    }),
    { numRuns: 20 },
  );
});

test("while a secret rotates, both the new and the old one verify the same delivery", () => {
  const secrets = [newSecret(), newSecret()];
  const body = Buffer.from("{}");
  const timestamp = Math.floor(Date.now() / 1000);
  const signature = sign({ id: "msg_a", timestamp, body, secrets });
  assert.match(signature, /^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/);
  const headers = { "webhook-id": "msg_a", "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  for (const secret of secrets) assert.deepEqual(new Webhook(secret).verify(body, headers), {});
  assert.throws(() => new Webhook(newSecret()).verify(body, headers));
});

test("a webhook-id is msg_ and 26 characters of base32 over SHA-256, and depends on the delivery alone", () => {
  // printf %s CHG-1042.r3.reminder-P14D.ep_17 | sha256sum | xxd -r -p | base32 | cut -c1-26 | tr A-Z a-z
  assert.equal(webhookId("CHG-1042.r3.reminder-P14D.ep_17"), "msg_ktvsjtu5xys6d6hyzgq2exfgqa");
  assert.equal(webhookId("a"), webhookId("a"));
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      assert.match(webhookId(one), /^msg_[a-z2-7]{26}$/);
      assert.equal(webhookId(one) === webhookId(other), one === other);
    }),
  );
});

test("new secrets are accepted, and no two are the same", () => {
  const secrets = Array.from({ length: 100 }, newSecret);
  assert.equal(new Set(secrets).size, 100);
  for (const secret of secrets) assert.deepEqual(checkSecret(secret), { ok: true });
});

const base64 = (bytes: number): string => Buffer.alloc(bytes, 0xfb).toString("base64");

for (const [why, secret, ok] of [
  ["the vector's", VECTOR.secret, true],
  ["of 24 bytes", `whsec_${base64(24)}`, true],
  ["of 64 bytes", `whsec_${base64(64)}`, true],
  ["of 23 bytes", `whsec_${base64(23)}`, false],
  ["of 65 bytes", `whsec_${base64(65)}`, false],
  ["without its prefix", base64(32), false],
  ["with another prefix", `whpk_${base64(32)}`, false],
  ["in the URL's alphabet", `whsec_${base64(32).replaceAll("+", "-").replaceAll("/", "_")}`, false],
  ["without its padding", `whsec_${base64(32).replace("=", "")}`, false],
  ["with a space in it", `whsec_${base64(24).slice(0, 8)} ${base64(24).slice(8)}`, false],
  ["with a line's end after it", `whsec_${base64(24)}\n`, false],
  ["that is empty", "", false],
] as const)
  test(`a secret ${why} is ${ok ? "accepted" : "refused, with what to do"}`, () => {
    const verdict = checkSecret(secret);
    assert.equal(verdict.ok, ok);
    if (!verdict.ok) assert.match(verdict.problem, /24 to 64 bytes; leave it out/);
  });
