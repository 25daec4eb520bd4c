import assert from "node:assert/strict";
import { test } from "node:test";
import { webhookId } from "../../src/senders/signature.ts";
import { scripted } from "../support/mail-sending.ts";

test("where the relay reports deliveries, the envelope bears the id of the mail and asks for failures only", async () => {
  const { send, relay } = await scripted((line) =>
    line.startsWith("EHLO") ? "250-relay\r\n250-SMTPUTF8\r\n250 DSN" : undefined,
  );
  assert.equal((await send({ delivery: "CHG-1.r1.announcement.ep_7" })).kind, "sent");
  assert.equal((await send({ delivery: "d.ep_8", address: "jörg@acme.example" })).kind, "sent");
  const [from, other] = relay.heard.flat().filter((line) => line.startsWith("MAIL"));
  assert.match(from ?? "", new RegExp(` RET=HDRS ENVID=${webhookId("CHG-1.r1.announcement.ep_7")}$`));
  assert.match(other ?? "", new RegExp(`ENVID=${webhookId("d.ep_8")}$`));
  const [to, abroad] = relay.heard.flat().filter((line) => line.startsWith("RCPT"));
  assert.match(to ?? "", / NOTIFY=FAILURE ORCPT=rfc822;dev@acme\.example$/);
  assert.match(abroad ?? "", / NOTIFY=FAILURE$/, "an address that is not ASCII has no plain ORCPT");
});

test("a relay that does not report deliveries is asked for nothing", async () => {
  const { send, relay } = await scripted(() => undefined);
  assert.equal((await send()).kind, "sent");
  assert.ok(!relay.heard.flat().some((line) => /ENVID|NOTIFY|RET=/.test(line)));
});
