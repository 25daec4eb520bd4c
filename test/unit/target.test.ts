import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeReadTarget } from "../../src/senders/target.ts";

const readTarget = makeReadTarget();

/** What WHATWG's parser makes of it. */
const parsed = (address: string): { origin: string; path: string } | null => {
  const url = URL.parse(address);
  return url && /^https?:$/.test(url.protocol) ? { origin: url.origin, path: url.pathname + url.search } : null;
};

for (const address of [
  "https://hooks.partner.example/x",
  "https://hooks.partner.example:443/x?a=b%20c",
  "https://HOOKS.partner.example/x",
  "http://127.1:8080/a/b.c/d",
  "http://0x7f.1/",
  "http://1.2.3.4.5/",
  "http://256.1.1.1/x",
  "https://xn--a/x",
  "http://a:99999/x",
  "http://a::80/x",
  "https://user:password@a.example/x",
  "https://a.example/a/../b/./c",
  "https://a.example/a/%2e%2e/b",
  "https://a.example/.hidden",
  "https://a.example/a b",
  "https://a.example/é?q='",
  "https://a.example/x#fragment",
  "https://a.example?x",
  "https://a.example",
  "https://[::1]:8443/x",
  "https:\\\\a.example\\x",
  "ftp://a.example/x",
  "nonsense",
])
  test(`the target of ${address} is what URL says`, () => assert.deepEqual(readTarget(address), parsed(address)));

const part = fc.string({ unit: fc.constantFrom(...Array.from("aZ9-._~!$&'()*+,;=:@%/\\?# \té")), maxLength: 12 });

test("whatever an address is, its target is what URL says", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl({ withQueryParameters: true, withFragments: true }),
        fc.tuple(fc.constantFrom("http://", "https://", "HTTP://", "ws://"), part, part, part).map((parts) => {
          const [scheme, host, path, query] = parts;
          return `${scheme}${host}/${path}?${query}`;
        }),
      ),
      (address) => assert.deepEqual(readTarget(address), parsed(address)),
    ),
    { numRuns: 2_000 },
  );
});
