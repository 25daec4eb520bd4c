import type { Keyring } from "../keyring.ts";
import type { Log } from "../log.ts";
import { type RenderNoticeWebhook, renderNoticeWebhook } from "../render/notice-webhook.ts";
import type { Addressee, NoticeContent, Sender } from "./sender.ts";
import { webhookId } from "./signature.ts";
import { makeSignedPost, type SignedPostParts } from "./signed-post.ts";
import { makeReadTarget } from "./target.ts";

export type WebhookSenderParts = SignedPostParts & {
  publicUrl: string;
  keyring: Pick<Keyring, "pageToken">;
  log: Log;
};

const NOT_A_URL = "the address may not be reached: it is not an http: or https: URL";

/**
 * Sends notices as signed CloudEvents (INTERFACE: "Webhook out") over its own keep-alive connections. What partners
 * have in common is rendered once per NoticeContent object, so give the same object for all deliveries of a notice.
 */
export const makeWebhookSender = (parts: WebhookSenderParts): Sender => {
  const { publicUrl, keyring, log } = parts;
  const signedPost = makeSignedPost(parts);
  const readTarget = makeReadTarget();
  const render = renderNoticeWebhook({ publicUrl, keyring });
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
      const outcome = signedPost.post({ target, id, body, secrets: to.secrets }, signal);
      if (!isTold) return outcome;
      return outcome.then((what) => {
        log.debug({ delivery: to.delivery, webhookId: id, outcome: what }, "webhook attempted");
        return what;
      });
    },
    close: () => signedPost.close(),
  };
};
