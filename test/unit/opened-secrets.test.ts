import assert from "node:assert/strict";
import { test } from "node:test";
import { makeKeyring } from "../../src/keyring.ts";
import { makeOpenSecret } from "../../src/senders/opened-secrets.ts";

const keyring = makeKeyring("of this test alone, 0123456789abcdef");
const seal = (secret: string): string => keyring.seal(secret).toString("hex");

const counting = () => {
  const opened: string[] = [];
  const open = makeOpenSecret({
    open: (sealed) => {
      const secret = keyring.open(sealed);
      opened.push(secret);
      return secret;
    },
  });
  return { open, opened };
};

test("a sealed secret is opened once, however often it is asked for", () => {
  const { open, opened } = counting();
  const [one, other] = [seal("whsec_one"), seal("whsec_other")];
  for (let round = 0; round < 3; round += 1) {
    assert.equal(open(one), "whsec_one");
    assert.equal(open(other), "whsec_other");
  }
  assert.deepEqual(opened, ["whsec_one", "whsec_other"]);
});

test("a secret that is sealed anew is opened anew, also when it is the same", () => {
  const { open, opened } = counting();
  for (const secret of ["whsec_one", "whsec_two", "whsec_two"]) assert.equal(open(seal(secret)), secret);
  assert.deepEqual(opened, ["whsec_one", "whsec_two", "whsec_two"]);
});

test("what was not sealed under this keyring is refused each time", () => {
  const { open } = counting();
  const foreign = makeKeyring("another one, 0123456789abcdef012345").seal("whsec_one").toString("hex");
  for (let round = 0; round < 2; round += 1) assert.throws(() => open(foreign));
});
