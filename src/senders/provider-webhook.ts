import { plainBlock } from "../render/plain-text.ts";
import type { ProviderSender, RecordedAlert } from "./provider-sender.ts";
import { webhookId } from "./signature.ts";
import { makeSignedPost, type SignedPostParts } from "./signed-post.ts";

export type ProviderWebhookDeps = Omit<SignedPostParts, "connectionsPerOrigin"> & {
  url: string;
  /** `whsec_…` */
  secret: string;
  publicUrl: string;
};

/**
 * The body of an alert: a CloudEvent in structured mode, of type `forewarn.provider.<kind>`. The bytes are the same on each
 * attempt, as `time` is when the fact was recorded.
 */
export const renderProviderWebhook =
  (publicUrl: string) =>
  ({ kind, change, subject, body, facts, createdAt }: RecordedAlert, id: string): Buffer =>
    Buffer.from(
      JSON.stringify({
        specversion: "1.0",
        id,
        source: publicUrl,
        type: `forewarn.provider.${kind}`,
        subject: change,
        time: createdAt.toISOString(),
        datacontenttype: "application/json",
        data: { change, summary: plainBlock(subject), text: plainBlock(body), ...facts },
      }),
    );

/**
 * Tells the provider's own contact by webhook: signed, and behind the same address guard as partners' webhooks, over a
 * connection of its own, so that a backlog of notices never delays a cry for help.
 */
export const makeProviderWebhook = (deps: ProviderWebhookDeps): ProviderSender => {
  const { secret, publicUrl } = deps;
  const url = new URL(deps.url);
  const target = { origin: url.origin, path: `${url.pathname}${url.search}` };
  const signedPost = makeSignedPost({ ...deps, connectionsPerOrigin: 1 });
  const render = renderProviderWebhook(publicUrl);

  return {
    channel: "webhook",
    send: (alert, signal) => {
      const id = webhookId(`provider.${alert.dedupe}`);
      return signedPost.post({ target, id, body: render(alert, id), secrets: [secret] }, signal);
    },
    close: () => signedPost.close(),
  };
};
