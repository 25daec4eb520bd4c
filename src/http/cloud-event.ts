import type { IncomingHttpHeaders } from "node:http";
import { Problem } from "../errors.ts";

const unquote = (text: string): string => (/^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, "$1") : text);

const decode = (name: string, value: string): string => {
  try {
    return decodeURIComponent(unquote(value));
  } catch {
    throw new Problem("malformed", `the header ${name} is not percent-encoded UTF-8`);
  }
};

/**
 * The structured form of an event that came in binary mode: attributes from `ce-` headers, percent-decoded, and the body
 * as `data` (CloudEvents HTTP binding 1.0.2 §3.1).
 *
 * Throws Problem `unsupported-media-type` when there is no `ce-` header, for then the sender meant another mode.
 */
export const fromBinaryMode = (headers: IncomingHttpHeaders, data: unknown): Record<string, unknown> => {
  const attributes = Object.entries(headers)
    .filter(([name, value]) => name.startsWith("ce-") && typeof value === "string")
    .map(([name, value]) => [name.slice(3), decode(name, String(value))] as const);
  if (attributes.length === 0)
    throw new Problem(
      "unsupported-media-type",
      "application/json carries an event in binary mode, which needs ce-… headers; send a whole event as application/cloudevents+json",
    );
  return Object.fromEntries([...attributes, ["datacontenttype", "application/json"], ["data", data]]);
};
