import type { Clock } from "../clock.ts";
import { readAllowList } from "../domain/address.ts";
import type { Outcome } from "../domain/delivery.ts";
import { type GuardedAgentParts, makeGuardedAgent } from "./guarded-agent.ts";
import { makePost } from "./post.ts";
import { sign } from "./signature.ts";
import type { Target } from "./target.ts";
import { webhookOutcome } from "./webhook-outcome.ts";

export type SignedPostParts = Omit<GuardedAgentParts, "allow"> & {
  /** CIDRs that are not public and yet may be reached, over `http:` too. */
  webhookAllow: readonly string[];
  /** Forewarn's, for `user-agent`. */
  version: string;
  clock: Clock;
};

/** What is posted: `id` is the webhook-id, `secrets` are live ones (`whsec_…`), newest first. */
export type Signed = { target: Target; id: string; body: Buffer; secrets: readonly string[] };

export type SignedPost = {
  /** One attempt: signed, behind the address guard, under one deadline. Rejects only for bugs. */
  post(signed: Signed, signal: AbortSignal): Promise<Outcome>;
  /** Ends every connection. */
  close(): Promise<void>;
};

/** Posts CloudEvents with the headers of INTERFACE, "Webhook out", over keep-alive connections of its own. */
export const makeSignedPost = (parts: SignedPostParts): SignedPost => {
  const { webhookAllow, timeoutMs, version, clock } = parts;
  const agent = makeGuardedAgent({ ...parts, allow: readAllowList(webhookAllow) });
  const post = makePost({ agent, timeoutMs });
  const userAgent = `Forewarn/${version}`;
  return {
    post: ({ target, id, body, secrets }, signal) => {
      const timestamp = Math.floor(clock.now().getTime() / 1000);
      // Names and values in turn, as undici takes them.
      const headers = [
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
