import type { FastifySchemaCompiler } from "fastify";
import { z } from "zod";
import { faultsOf } from "../domain/fault.ts";
import { Problem } from "../errors.ts";

/** The schema inside `.default()`, `.optional()` and the like. */
const inner = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType };
  return innerType ? inner(innerType) : schema;
};

const step = (schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined => {
  const bare = inner(schema);
  if (bare instanceof z.ZodObject) return (bare.shape as Record<PropertyKey, z.core.$ZodType>)[key];
  return bare instanceof z.ZodArray ? bare.element : undefined;
};

/** The names that an object of `schema` may have at `path`, for "did you mean". */
const knownNames =
  (schema: z.core.$ZodType) =>
  (path: readonly PropertyKey[]): readonly string[] => {
    const place = path.reduce<z.core.$ZodType | undefined>((at, key) => at && step(at, key), schema);
    const bare = place && inner(place);
    return bare instanceof z.ZodObject ? Object.keys(bare.shape) : [];
  };

/** Every fault of `value`, or what the schema makes of it. */
export const readAs = <T extends z.ZodType>(
  schema: T,
  value: unknown,
): { value: z.output<T> } | { faults: ReturnType<typeof faultsOf> } => {
  const parsed = schema.safeParse(value);
  return parsed.success ? { value: parsed.data } : { faults: faultsOf(parsed.error.issues, knownNames(schema)) };
};

/** What is wrong, by the part of the request that it is in. */
const DETAILS: Record<string, { detail: string; remedy: string }> = {
  body: { detail: "the body is not valid", remedy: "is missing or not an object; send a JSON object" },
  querystring: { detail: "the query is not valid", remedy: "is not valid" },
  params: { detail: "an id in this call is not valid", remedy: "is not valid" },
};

/** Validates with the zod schemas that the documentation is made from; a refusal is Problem `invalid` with every fault. */
export const zodValidator: FastifySchemaCompiler<z.ZodType> =
  ({ schema, httpPart }) =>
  (data: unknown) => {
    // Fastify gives null where there is no body.
    const read = readAs(schema, data ?? undefined);
    if ("value" in read) return read;
    const { detail = "the request is not valid", remedy = "is not valid" } = DETAILS[httpPart ?? ""] ?? {};
    const faults = read.faults.map((fault) => (fault.path === "" ? { path: httpPart ?? "", message: remedy } : fault));
    return { error: new Problem("invalid", detail, faults) };
  };
