import { z } from "zod";
import { counted } from "../../counted.ts";
import { Problem } from "../../errors.ts";
import { inTransaction } from "../../ledger/connection.ts";
import { deleteService, insertService, listServices, putService } from "../../ledger/services.ts";
import type { HttpParts } from "../parts.ts";
import { noSuch, type Server, serviceParams } from "../route.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";
import { newService, service, serviceBody } from "../shapes/service.ts";

const tags = ["services"];

/** Changes keep their service for the proof; subscriptions can be taken back. */
const inUse = (service: string, { changes, partners }: { changes: number; partners: number }): string => {
  const remedy =
    changes > 0
      ? `changes keep their service for good; to call it otherwise, PUT /v1/services/${service}`
      : "take it out of their subscriptions first, at PATCH /v1/partners/{partner}";
  return `${service} is in use: ${counted(changes, "change")} and ${counted(partners, "partner")} name it; ${remedy}`;
};

export const serviceRoutes = (app: Server, { ledger }: HttpParts): void => {
  const sql = ledger.pools.routine;

  app.get(
    "/v1/services",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Services that changes belong to",
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(service), ...problems("invalid") },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const [after] = readCursor(cursor, [""] as [string]);
      return pageOf(
        await listServices(sql, after, limit + 1),
        limit,
        (row) => [row.service],
        (row) => row,
      );
    },
  );

  app.post(
    "/v1/services",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Add a service",
        body: newService,
        response: { 201: service, ...problems("malformed", "conflict", "unsupported-media-type", "invalid") },
      },
    },
    async ({ body }, reply) => {
      if (!(await insertService(sql, body)))
        throw new Problem(
          "conflict",
          `there is a service ${body.service} already; change it with PUT /v1/services/${body.service}`,
        );
      return reply.code(201).send(body);
    },
  );

  app.put(
    "/v1/services/:service",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Add or replace a service",
        params: serviceParams,
        body: serviceBody,
        response: { 200: service, 201: service, ...problems("malformed", "unsupported-media-type", "invalid") },
      },
    },
    async ({ params, body }, reply) => {
      if (body.service !== undefined && body.service !== params.service) {
        const fault = {
          path: "service",
          message: `differs from the address, which says ${params.service}; leave it out`,
        };
        throw new Problem("invalid", "the body and the address name different services", [fault]);
      }
      const row = { ...body, service: params.service };
      return reply.code((await putService(sql, row)) ? 201 : 200).send(row);
    },
  );

  app.delete(
    "/v1/services/:service",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Remove a service that nothing names",
        params: serviceParams,
        response: { 204: z.undefined().describe("Removed"), ...problems("not-found", "conflict") },
      },
    },
    async ({ params }, reply) => {
      const outcome = await inTransaction(sql, (tx) => deleteService(tx, params.service));
      if (outcome.kind === "absent") throw noSuch("service", params.service);
      if (outcome.kind === "in-use") throw new Problem("conflict", inUse(params.service, outcome));
      return reply.code(204).send();
    },
  );
};
