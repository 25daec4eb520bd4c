import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { ENVELOPE, EVENT_DATA } from "../domain/event.ts";
import type { Server } from "./route.ts";
import { importedPartner } from "./shapes/partner.ts";

const json = (schema: z.ZodType): unknown => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    target: "openapi-3.0",
  });
  return rest;
};

const envelope = json(
  ENVELOPE.extend({
    data: z.union(Object.values(EVENT_DATA)).describe("By type: created, updated, cancelled or released"),
  }),
);

/** Bodies that are read by their own means, so that no route schema describes them. */
const BODIES: Record<string, unknown> = {
  "/v1/events": {
    required: true,
    content: {
      "application/cloudevents+json": { schema: envelope },
      "application/cloudevents-batch+json": { schema: { type: "array", maxItems: 100, items: envelope } },
      "application/json": {
        schema: json(z.union(Object.values(EVENT_DATA)).describe("Binary mode: the attributes are ce- headers")),
      },
    },
  },
  "/v1/partners/import": {
    required: true,
    content: {
      "text/csv": { schema: { type: "string", example: "partner,name,email,webhook,timeZone,locale,subscriptions" } },
      "application/x-ndjson": {
        schema: { type: "string", description: "A partner a line", "x-line": json(importedPartner) },
      },
    },
  },
};

type Document = { paths?: Record<string, { post?: Record<string, unknown> | undefined } | undefined> };

const withBodies = (document: Document): Document => {
  for (const [path, requestBody] of Object.entries(BODIES)) {
    const post = document.paths?.[path]?.post;
    if (post) post["requestBody"] = requestBody;
  }
  return document;
};

/** OpenAPI made from the schemas that validate. Call it before the routes that it is to hold. */
export const registerDocumentation = async (
  app: FastifyInstance,
  publicUrl: string,
  version: string,
): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: "3.0.3",
      info: {
        title: "Forewarn",
        version,
        description:
          "Tells every partner of an API provider about every change that concerns them, in time, and proves it.",
      },
      servers: [{ url: publicUrl }],
      components: { securitySchemes: { key: { type: "http", scheme: "bearer", description: "fw_<id>_<secret>" } } },
      security: [{ key: [] }],
    },
    transform: (document) => {
      const { schema, url } = jsonSchemaTransform(document);
      const { access } = document.route.config ?? {};
      return { url, schema: access === "public" ? { ...schema, security: [] } : { ...schema, "x-scope": access } };
    },
    transformObject: (document) => withBodies(jsonSchemaTransformObject(document) as Document) as object,
  });
  await app.register(async (docs) => {
    // The user interface adds routes of its own, which are public as the document is.
    docs.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "public" };
    });
    await docs.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
  });
};

export const documentationRoutes = (app: Server): void => {
  app.get("/openapi.json", { config: { access: "public" }, schema: { hide: true } }, async (_request, reply) =>
    reply.serializer(JSON.stringify).type("application/json").send(app.swagger()),
  );
};
