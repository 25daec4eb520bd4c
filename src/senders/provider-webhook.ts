import type { Clock } from "../clock.ts";
import { readAllowList } from "../domain/address.ts";
import { plainBlock } from "../render/plain-text.ts";
import { makeGuardedAgent } from "./guarded-agent.ts";
import { makePost } from "./post.ts";
import type { ProviderSender, RecordedAlert } from "./provider-sender.ts";
import { webhookId } from "./signature.ts";
import { makeWebhookHeaders } from "./webhook-headers.ts";
import { webhookOutcome } from "./webhook-outcome.ts";

export type ProviderWebhookDeps = {
  url: string;
  /** `whsec_…` */
  secret: string;
  /** CIDRs that are not public and yet may be reached, as for partners' webhooks. */
  webhookAllow: readonly string[];
  publicUrl: string;
  /** Forewarn's, for `user-agent`. */
  version: string;
  timeoutMs: number;
  clock: Clock;
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
  const { secret, webhookAllow, publicUrl, version, timeoutMs, clock } = deps;
  const url = new URL(deps.url);
  const target = { origin: url.origin, path: `${url.pathname}${url.search}` };
  const agent = makeGuardedAgent({ allow: readAllowList(webhookAllow), timeoutMs, connectionsPerOrigin: 1 });
  const post = makePost({ agent, timeoutMs });
  const render = renderProviderWebhook(publicUrl);
  const headersOf = makeWebhookHeaders({ version, clock });

  return {
    channel: "webhook",
    send: (alert, signal) => {
      const id = webhookId(`provider.${alert.dedupe}`);
      const body = render(alert, id);
      const headers = headersOf({ id, body, secrets: [secret] });
      return new Promise((resolve, reject) => {
        post({ target, headers, body }, signal, (answer) => {
          if (answer instanceof Error) reject(answer);
          else resolve(webhookOutcome(answer, clock.now()));
        });
      });
    },
    close: () => agent.close(),
  };
};
