import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, readConfig } from "../../src/config.ts";
import { newSecret } from "../../src/senders/signature.ts";

/** The faults of an environment, as `variable message`. */
const faultsOf = (env: Record<string, string>): string[] => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.faults.map(({ path, message }) => `${path} ${message}`);
  }
};

const URL = "https://hooks.example.com/forewarn";

test("the provider's own webhook has an address and a secret, and both are in the configuration", () => {
  const secret = newSecret();
  const env = { FOREWARN_CONTACT_WEBHOOK: URL, FOREWARN_CONTACT_WEBHOOK_SECRET: secret };
  assert.deepEqual(readConfig(env).contactWebhook, { url: URL, secret });
  assert.equal(readConfig({}).contactWebhook, undefined);
});

test("one of the webhook's two variables alone is a fault that names the other", () => {
  const both = "set FOREWARN_CONTACT_WEBHOOK, FOREWARN_CONTACT_WEBHOOK_SECRET together or none of them";
  assert.deepEqual(faultsOf({ FOREWARN_CONTACT_WEBHOOK: URL }), [
    `FOREWARN_CONTACT_WEBHOOK_SECRET is missing; ${both}`,
  ]);
  assert.deepEqual(faultsOf({ FOREWARN_CONTACT_WEBHOOK_SECRET: newSecret() }), [
    `FOREWARN_CONTACT_WEBHOOK is missing; ${both}`,
  ]);
});

test("a secret that cannot sign, and an address that webhooks may not reach, stop the start with what to do", () => {
  const secret = newSecret();
  const [short = "", ...more] = faultsOf({
    FOREWARN_CONTACT_WEBHOOK: URL,
    FOREWARN_CONTACT_WEBHOOK_SECRET: "whsec_short",
  });
  assert.match(short, /^FOREWARN_CONTACT_WEBHOOK_SECRET is not whsec_.+; example: /);
  assert.deepEqual(more, []);
  const at = (url: string, allow = ""): string[] =>
    faultsOf({
      FOREWARN_CONTACT_WEBHOOK: url,
      FOREWARN_CONTACT_WEBHOOK_SECRET: secret,
      FOREWARN_WEBHOOK_ALLOW: allow,
    });
  assert.match(
    at("http://10.1.2.3/hook")[0] ?? "",
    /^FOREWARN_CONTACT_WEBHOOK leads to 10\.1\.2\.3, .*FOREWARN_WEBHOOK_ALLOW/,
  );
  assert.deepEqual(at("http://10.1.2.3/hook", "10.0.0.0/8"), []);
  assert.match(
    at("ftp://hooks.example.com")[0] ?? "",
    /^FOREWARN_CONTACT_WEBHOOK is not a URL that begins with https:\/\/ or http:\/\/; example: https:/,
  );
});

for (const [name, url, schemes] of [
  ["PUBLIC_URL", "ftp://here.example", "http:// or https://"],
  ["DATABASE_URL", "mysql://db/forewarn", "postgres:// or postgresql://"],
  ["REDIS_URL", "localhost:6379", "redis:// or rediss:// or unix://"],
  ["SMTP_URL", "http://mail", "smtp:// or smtps://"],
] as const)
  test(`a ${name} of another kind is one fault that names the schemes`, () => {
    const [fault = "", ...more] = faultsOf({ [name]: url, FOREWARN_SECRET: "x".repeat(32) });
    assert.deepEqual(more, []);
    assert.ok(fault.startsWith(`${name} is not a URL that begins with ${schemes}; example: `), fault);
    assert.ok(!fault.includes(url), "it may hold a password");
  });

for (const [ranges, wrong] of [
  ["10.0.0.0/8,everything", "everything"],
  ["10.0.0.0/99", "10.0.0.0/99"],
  ["10.0.0.0/8, 127.0.0.0/8", " 127.0.0.0/8"],
] as const)
  test(`a list of ranges with "${wrong}" in it is one fault that names it`, () =>
    assert.deepEqual(faultsOf({ FOREWARN_WEBHOOK_ALLOW: ranges }), [
      `FOREWARN_WEBHOOK_ALLOW holds "${wrong}", which is no CIDR; example: 127.0.0.0/8,10.1.0.0/16`,
    ]));

test("a part of the DKIM variables is a fault for each that is missing", () => {
  assert.deepEqual(
    faultsOf({ DKIM_DOMAIN: "example.com" }).map((fault) => fault.split(" ", 1)[0]),
    ["DKIM_SELECTOR", "DKIM_KEY_FILE"],
  );
});
