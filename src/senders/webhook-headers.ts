import type { Clock } from "../clock.ts";
import { makeSigner } from "./signature.ts";

/** What is signed: `id` is the webhook-id, `secrets` are live ones (`whsec_…`), newest first. */
export type Signed = { id: string; body: Buffer; secrets: readonly string[] };

/** The headers of one attempt, names and values in turn as undici takes them (INTERFACE: "Webhook out"). */
export type WebhookHeaders = (signed: Signed) => string[];

/** @param parts `version` is Forewarn's, for `user-agent` */
export const makeWebhookHeaders = ({ version, clock }: { version: string; clock: Clock }): WebhookHeaders => {
  const sign = makeSigner();
  const userAgent = `Forewarn/${version}`;
  return ({ id, body, secrets }) => {
    const timestamp = Math.floor(clock.now().getTime() / 1000);
    return [
      "content-type",
      "application/cloudevents+json",
      "user-agent",
      userAgent,
      "webhook-id",
      id,
      "webhook-timestamp",
      String(timestamp),
      "webhook-signature",
      sign({ id, timestamp, body, secrets }),
    ];
  };
};
