import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { mac } from "../../src/mac.ts";

const whole = (key: Uint8Array, text: string, body: Buffer): Buffer =>
  createHmac("sha256", key).update(text).update(body).digest();

test("a mac is HMAC-SHA256 whatever the key, the text and the body, and however they alternate", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          fc.uint8Array({ minLength: 0, maxLength: 200 }),
          fc.string({ unit: "binary", maxLength: 200 }),
          fc.uint8Array({ maxLength: 30_000, size: "max" }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
      (cases) => {
        for (const [key, text, bytes] of cases) {
          const body = Buffer.from(bytes);
          const expected = whole(key, text, body);
          for (const encoding of ["base64", "base64url", "latin1"] as const)
            assert.equal(mac(key, { text, body }, encoding), expected.toString(encoding));
          assert.equal(
            mac(key, { text }, "base64"),
            whole(key, text, Buffer.alloc(0)).toString("base64"),
            "without a body",
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a key at and around the length of a block gives the macs of RFC 2104", () => {
  for (const length of [0, 1, 32, 63, 64, 65, 131]) {
    const key = Buffer.alloc(length, 0xaa);
    assert.equal(
      mac(key, { text: "Test Using Larger Than Block-Size Key", body: Buffer.from("!") }, "base64"),
      whole(key, "Test Using Larger Than Block-Size Key", Buffer.from("!")).toString("base64"),
    );
  }
});
