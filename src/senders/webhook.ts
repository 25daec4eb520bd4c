import type { Clock } from "../clock.ts";
import { readAllowList } from "../domain/address.ts";
import type { Keyring } from "../keyring.ts";
import type { Log } from "../log.ts";
import { type RenderNoticeWebhook, renderNoticeWebhook } from "../render/notice-webhook.ts";
import { makeGuardedAgent } from "./guarded-agent.ts";
import { makePost } from "./post.ts";
import type { Addressee, NoticeContent, Sender } from "./sender.ts";
import { webhookId } from "./signature.ts";
import { makeReadTarget } from "./target.ts";
import type { Lookup } from "./vetting.ts";
import { makeWebhookHeaders } from "./webhook-headers.ts";
import { webhookOutcome } from "./webhook-outcome.ts";

export type WebhookSenderParts = {
  /** CIDRs that are not public and yet may be reached, over `http:` too. */
  webhookAllow: readonly string[];
  publicUrl: string;
  /** For the whole exchange: lookup, connection, TLS, headers and body. */
  timeoutMs: number;
  /** Forewarn's, for `user-agent`. */
  version: string;
  keyring: Pick<Keyring, "pageToken">;
  clock: Clock;
  log: Log;
  lookup?: Lookup | undefined;
  /** Certificates to trust instead of the system's; for tests. */
  ca?: string | undefined;
  connectionsPerOrigin?: number | undefined;
  /** Origins whose idle connections are kept. */
  idleOrigins?: number | undefined;
};

const NOT_A_URL = "the address may not be reached: it is not an http: or https: URL";

/**
 * Sends notices as signed CloudEvents (INTERFACE: "Webhook out") over its own keep-alive connections. What partners
 * have in common is rendered once per NoticeContent object, so give the same object for all deliveries of a notice.
 */
export const makeWebhookSender = (parts: WebhookSenderParts): Sender => {
  const { webhookAllow, publicUrl, timeoutMs, version, keyring, clock, log } = parts;
  const agent = makeGuardedAgent({ ...parts, allow: readAllowList(webhookAllow) });
  const post = makePost({ agent, timeoutMs });
  const readTarget = makeReadTarget();
  const render = renderNoticeWebhook({ publicUrl, keyring });
  const headersOf = makeWebhookHeaders({ version, clock });
  // What a level that is off would not print need not be made, 5,000 times a second.
  const isTold = log.isLevelEnabled("debug");
  const rendered = new WeakMap<NoticeContent, ReturnType<RenderNoticeWebhook>>();
  const bodyOf = (content: NoticeContent, to: Addressee, id: string): Buffer => {
    const splice = rendered.get(content) ?? render(content);
    rendered.set(content, splice);
    return splice(to, id);
  };

  return {
    channel: "webhook",
    send: (content, to, signal) => {
      const target = readTarget(to.address);
      if (target === null)
        return Promise.resolve({ kind: "suppressed", reason: "address-not-allowed", error: NOT_A_URL });
      const id = webhookId(to.delivery);
      const body = bodyOf(content, to, id);
      const headers = headersOf({ id, body, secrets: to.secrets });
      return new Promise((resolve, reject) => {
        post({ target, headers, body }, signal, (answer) => {
          if (answer instanceof Error) return reject(answer);
          const outcome = webhookOutcome(answer, clock.now());
          if (isTold) log.debug({ delivery: to.delivery, webhookId: id, outcome }, "webhook attempted");
          resolve(outcome);
        });
      });
    },
    close: () => agent.close(),
  };
};
