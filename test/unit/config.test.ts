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
    /^FOREWARN_CONTACT_WEBHOOK is not such an address; example: https:/,
  );
});

test("a part of the DKIM variables is a fault for each that is missing", () => {
  assert.deepEqual(
    faultsOf({ DKIM_DOMAIN: "example.com" }).map((fault) => fault.split(" ", 1)[0]),
    ["DKIM_SELECTOR", "DKIM_KEY_FILE"],
  );
});
