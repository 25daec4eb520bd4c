import { loadContents } from "../src/ledger/notice-content.ts";
import { renderNoticeWebhook } from "../src/render/notice-webhook.ts";
import { webhookId } from "../src/senders/signature.ts";
import { addresseeOf } from "./addressee-of.ts";
import type { Recipient } from "./populate.ts";
import type { Stage } from "./stage.ts";
import type { BareTarget } from "./yardsticks/bare-webhooks.ts";

/** The same as routine's slots and each origin's connections in the sender (src/processes/sender.ts). */
export const BARE_LIMITS = { connections: 32, inFlight: 128 };

/** One notice's bodies for these recipients by the real renderer, whole. */
const bodiesOf = async ({ sql, parts }: Stage, notice: number, recipients: readonly Recipient[]) => {
  const [content] = await loadContents(sql, [notice], "UTC");
  if (!content) throw new Error("there is no notice to copy");
  const splice = renderNoticeWebhook({ publicUrl: parts.config.publicUrl, keyring: parts.keyring })(content);
  return recipients.map((recipient) => {
    const to = addresseeOf(content, recipient);
    const id = webhookId(to.delivery);
    const { origin, pathname } = new URL(to.address);
    return { origin, path: pathname, id, secret: recipient.secret, body: splice(to, id).toString() };
  });
};

/** The bare loop's targets for one notice to many: bodies cut where the partners' own parts begin and end. */
export const targetsOfOne = async (stage: Stage, recipients: readonly Recipient[]) => {
  const { rows } = await stage.sql.query<{ no: number }>("SELECT no FROM notices LIMIT 1");
  let common = "";
  const targets = (await bodiesOf(stage, rows[0]?.no ?? 0, recipients)).map(({ body, ...to }): BareTarget => {
    const [from, until] = [body.indexOf('"source"'), body.indexOf(',"partner"')];
    common = body.slice(from, until);
    return { ...to, head: body.slice(0, from), tail: body.slice(until) };
  });
  return { targets, common };
};

/** The bare loop's targets for one notice each: nothing is common, so each body is whole. */
export const targetsOfEach = async (stage: Stage, pairs: readonly { notice: number; recipient: Recipient }[]) => {
  const targets: BareTarget[] = [];
  for (const { notice, recipient } of pairs)
    for (const { body, ...to } of await bodiesOf(stage, notice, [recipient]))
      targets.push({ ...to, head: body, tail: "" });
  return { targets, common: "" };
};
