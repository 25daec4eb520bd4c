import { z } from "zod";
import type { Channel } from "../domain/category.ts";
import { judgeWebhookUrl } from "../domain/address.ts";
import type { Fault } from "../domain/fault.ts";
import type { Keyring } from "../keyring.ts";
import type { NewEndpoint } from "../ledger/endpoints.ts";
import { checkSecret, newSecret } from "../senders/signature.ts";
import type { EndpointInput } from "./shapes/partner.ts";

const MAX_MAIL_ADDRESS = 254;
const mailAddress = z.email();

/** RFC 5321 §4.5.3.1: at most 64 octets before the @. One plain address: no names, lists, comments or line breaks. */
const checkMailAddress = (address: string): string | null => {
  if (address.length > MAX_MAIL_ADDRESS) return `is longer than ${MAX_MAIL_ADDRESS} characters; use a shorter address`;
  return mailAddress.safeParse(address).success && address.indexOf("@") <= 64
    ? null
    : "is not one mail address; example: api-team@example.com";
};

/** What an address must be, by channel: null, or the problem and the remedy. */
const CHECKS: Record<Channel, (address: string, allow: readonly string[]) => string | null> = {
  email: checkMailAddress,
  webhook: (address, allow) => {
    const verdict = judgeWebhookUrl(address, allow);
    return verdict.ok ? null : verdict.problem;
  },
};

/** Faults of an address, under `path`. */
export const addressFaults = (
  { channel, address }: { channel: Channel; address: string },
  allow: readonly string[],
  path = "address",
): Fault[] => {
  const problem = CHECKS[channel](address, allow);
  return problem === null ? [] : [{ path, message: problem }];
};

type Given = Pick<EndpointInput, "channel" | "address" | "secret">;

/** Faults of an endpoint that comes in: its address, and its secret where one is given. `prefix` leads each path. */
export const endpointFaults = (endpoint: Given, allow: readonly string[], prefix = ""): Fault[] => {
  const faults = addressFaults(endpoint, allow, `${prefix}address`);
  if (endpoint.secret === undefined) return faults;
  if (endpoint.channel === "email")
    return [...faults, { path: `${prefix}secret`, message: "is for webhooks only; leave it out for mail" }];
  const secret = checkSecret(endpoint.secret);
  return secret.ok ? faults : [...faults, { path: `${prefix}secret`, message: secret.problem }];
};

/** An endpoint as it is stored, and its secret as it is shown once; a webhook without a secret is given one. */
export const sealEndpoint = (
  partner: string,
  { channel, address, role, secret }: EndpointInput,
  keyring: Keyring,
): { row: NewEndpoint; secret: string | undefined } => {
  const shown = channel === "webhook" ? (secret ?? newSecret()) : undefined;
  return {
    row: { partner, channel, address, role, secretSealed: shown === undefined ? null : keyring.seal(shown) },
    secret: shown,
  };
};
