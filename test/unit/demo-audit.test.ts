import assert from "node:assert/strict";
import { test } from "node:test";
import { audit } from "../../src/demo/audit.ts";
import type { Known } from "../../src/demo/ledger-watch.ts";
import type { MailArrival } from "../../src/demo/mailbox.ts";
import type { WebhookArrival } from "../../src/demo/receiver.ts";
import { webhookId } from "../../src/senders/signature.ts";

const known = (fields: Partial<Known>): Known => ({
  notice: "CHG-1.r1.announcement",
  endpoint: 1,
  channel: "email",
  status: "sent",
  due: true,
  attempts: 1,
  ...fields,
});
const id = (endpoint: number): string => webhookId(`CHG-1.r1.announcement.ep_${endpoint}`);
const mail = (endpoint: number): MailArrival => ({
  id: `<${id(endpoint)}@forewarn.example>`,
  to: "",
  subject: "",
  change: "CHG-1",
  notice: "",
  at: 0,
  file: "",
});
const hook = (endpoint: number, fault: string | null = null): WebhookArrival => ({
  id: id(endpoint),
  path: "/x",
  at: 0,
  fault,
});
const ledger = [known({}), known({ endpoint: 2, channel: "webhook" })];

test("all is well when each sent delivery arrived under its own id, also when it came twice", () => {
  const result = audit(ledger, { mails: [mail(1), mail(1)], webhooks: [hook(2)] });
  assert.deepEqual(result, { sent: { email: 1, webhook: 1 }, arrived: { email: 1, webhook: 1 }, faults: [] });
});

test("what is missing, unknown, unsettled or badly signed is a fault each", () => {
  const faultsOf = (deliveries: Known[], mails: MailArrival[], webhooks: WebhookArrival[]): string =>
    audit(deliveries, { mails, webhooks }).faults.join("\n");
  assert.match(faultsOf(ledger, [], [hook(2)]), /^CHG-1\.r1\.announcement\.ep_1 is sent, .* did not arrive by email$/);
  assert.match(
    faultsOf(ledger, [mail(1), mail(7)], [hook(2)]),
    /^msg_\w+ arrived by email, but the ledger does not know it$/,
  );
  assert.match(faultsOf(ledger, [mail(1)], [hook(2), hook(2, "no match")]), /^msg_\w+ at \/x: no match$/);
  assert.match(faultsOf([known({ status: "waiting" })], [], []), /ep_1 is due but waiting$/);
  assert.equal(faultsOf([known({ status: "waiting", due: false }), known({ status: "skipped" })], [], []), "");
});
