import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { test } from "node:test";
import { readAllowList } from "../../src/domain/address.ts";
import { AddressNotAllowed, makeVetting } from "../../src/senders/vetting.ts";

type Found = { error: Error | null; addresses: string[]; resolved: boolean };

/** What net would be told of a name that leads to `addresses`; no socket is made. */
const look = (
  addresses: string[],
  given: { allow?: string[]; secure?: boolean; all?: boolean; fault?: Error } = {},
): Found => {
  const { allow = [], secure = true, all = true, fault = null } = given;
  const { lookupFor } = makeVetting({
    allow: readAllowList(allow),
    lookup: (_name, options, answer) => {
      assert.equal(options.all, true);
      answer(
        fault,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    },
  });
  let found: Found | undefined;
  let resolved = false;
  const lookup = lookupFor(secure, () => {
    resolved = true;
  });
  lookup("hooks.partner.example", { all }, (error, answered) => {
    const list = typeof answered === "string" ? [answered] : answered.map(({ address }: LookupAddress) => address);
    found = { error, addresses: list, resolved };
  });
  assert.ok(found, "the lookup answered");
  return found;
};

for (const [what, addresses, why] of [
  ["loopback", ["127.0.0.1", "::1"], /loopback/],
  ["private networks", ["10.0.0.1", "192.168.1.1", "fd00::1"], /private/],
  ["a cloud's metadata", ["169.254.169.254"], /link-local/],
  ["loopback wrapped in IPv6", ["64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:127.0.0.1"], /wrapping of 127.0.0.1/],
  ["a link-local address with its zone", ["fe80::1%eth0"], /link-local/],
  ["what is no address", ["hooks.partner.example"], /not an IP address/],
] as const)
  test(`a name that leads to ${what} is refused, and net is told of no address`, () => {
    const { error, addresses: told, resolved } = look([...addresses]);
    assert.ok(error instanceof AddressNotAllowed);
    assert.match(error.message, why);
    assert.deepEqual([told, resolved], [[], false]);
  });

test("of a name's addresses only those that may be reached are told, in their order, in either shape", () => {
  const addresses = ["10.0.0.1", "8.8.8.8", "127.0.0.1", "2606:4700::1111"];
  assert.deepEqual(look(addresses), { error: null, addresses: ["8.8.8.8", "2606:4700::1111"], resolved: true });
  assert.deepEqual(look(addresses, { all: false }), { error: null, addresses: ["8.8.8.8"], resolved: true });
});

test("without TLS only the allow-list may be reached, and the refusal says to use https:", () => {
  assert.match(look(["8.8.8.8"], { secure: false }).error?.message ?? "", /^http: is only for .*; use https:$/);
  assert.deepEqual(look(["8.8.8.8", "10.1.0.1"], { secure: false, allow: ["10.1.0.0/16"] }).addresses, ["10.1.0.1"]);
  const { objection } = makeVetting({ allow: [] });
  assert.ok(objection("8.8.8.8", false) instanceof AddressNotAllowed);
  assert.equal(objection("8.8.8.8", true), null);
});

test("a fault of the resolver is passed on, and a name without an address is one", () => {
  const fault = Object.assign(new Error("no"), { code: "ENOTFOUND" });
  assert.equal(look([], { fault }).error, fault);
  assert.match(look([]).error?.message ?? "", /has no address/);
});
