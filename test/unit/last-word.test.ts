import assert from "node:assert/strict";
import { test } from "node:test";
import { follows, type LastLook, lastWord } from "../../src/domain/settlement.ts";

const FINE: LastLook = {
  endpointStatus: "active",
  endpointGone: false,
  partnerLeft: false,
  unfollowed: false,
  noticeEnded: false,
  overtaken: false,
  ready: false,
  held: false,
};

test("what nothing speaks against is sent, and what is paused is held", () => {
  assert.deepEqual(lastWord(FINE), { kind: "send" });
  assert.deepEqual(lastWord({ ...FINE, held: true }), { kind: "hold" });
});

test("whose partner follows the service no longer is not told, paused or not, nor after its address was unsubscribed", () => {
  const word = { kind: "suppress", reason: "unsubscribed" };
  assert.deepEqual(lastWord({ ...FINE, unfollowed: true, held: true, ready: true }), word);
  assert.deepEqual(lastWord({ ...FINE, endpointStatus: "unsubscribed" }), word);
});

test("a notice that ended is superseded and a partner who is gone has left, whatever was followed", () => {
  assert.deepEqual(lastWord({ ...FINE, unfollowed: true, noticeEnded: true }), { kind: "skip", reason: "superseded" });
  assert.deepEqual(lastWord({ ...FINE, unfollowed: true, partnerLeft: true }), { kind: "skip", reason: "left" });
});

test("a service is followed by its name, with all others, or where nothing is said of services", () => {
  assert.equal(follows("billing reports", "reports"), true);
  assert.equal(follows("reports-v2", "reports"), false);
  assert.equal(follows("", "billing"), false);
  assert.equal(follows("reports *", "billing"), true);
  assert.equal(follows(null, "billing"), true);
  assert.equal(follows("", null), true);
});
