import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { endpointNo } from "../domain/delivery.ts";
import { Problem } from "../errors.ts";
import { id } from "./shapes/fields.ts";

/** A server whose routes take their types from zod schemas. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export const changeParams = z.object({ change: id("change") });
export const serviceParams = z.object({ service: id("service") });
export const partnerParams = z.object({ partner: id("partner") });
export const endpointParams = z.object({ endpoint: z.string().max(64) });

export const noSuch = (what: string, which: string): Problem =>
  new Problem("not-found", `there is no ${what} ${which}`);

/** What was found, or Problem `not-found`. */
export const found = <T>(value: T | null | undefined, what: string, which: string): T => {
  if (value === null || value === undefined) throw noSuch(what, which);
  return value;
};

/** The number behind an endpoint's public id; Problem `not-found` when it is none. */
export const endpointNumber = (endpoint: string): number => found(endpointNo(endpoint), "endpoint", endpoint);
