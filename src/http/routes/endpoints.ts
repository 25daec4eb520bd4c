import { z } from "zod";
import { endpointId } from "../../domain/delivery.ts";
import { Problem } from "../../errors.ts";
import { isUniqueViolation } from "../../ledger/connection.ts";
import {
  type EndpointRow,
  eraseEndpoint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  rotateSecret,
  updateEndpoint,
} from "../../ledger/endpoints.ts";
import { findPartner } from "../../ledger/partners.ts";
import { newSecret } from "../../senders/signature.ts";
import { addressFaults, endpointFaults, sealEndpoint } from "../addresses.ts";
import type { HttpParts } from "../parts.ts";
import { endpointNumber, endpointParams, found, noSuch, partnerParams, type Server } from "../route.ts";
import { sentTest } from "../shapes/change.ts";
import { instant, secondsOf } from "../shapes/fields.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { createdEndpoint, endpoint, endpointPatch, newEndpoint, rotation } from "../shapes/partner.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["endpoints"];

export const showEndpoint = ({ no, ...row }: EndpointRow) => ({ endpoint: endpointId(no), ...row });

const taken = (): Problem =>
  new Problem("conflict", "the partner has an endpoint with this channel and address already");

export const endpointRoutes = (app: Server, { ledger, keyring, config, sendTest }: HttpParts): void => {
  const sql = ledger.pools.routine;
  const live = async (id: string): Promise<EndpointRow> =>
    found(await findEndpoint(sql, endpointNumber(id)), "endpoint", id);

  app.get(
    "/v1/partners/:partner/endpoints",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Ways to reach a partner",
        params: partnerParams,
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(endpoint), ...problems("not-found", "invalid") },
      },
    },
    async ({ params: { partner }, query: { limit, cursor } }) => {
      const [after] = readCursor(cursor, [0] as [number]);
      found(await findPartner(sql, partner), "partner", partner);
      return pageOf(await listEndpoints(sql, partner, after, limit + 1), limit, (row) => [row.no], showEndpoint);
    },
  );

  app.post(
    "/v1/partners/:partner/endpoints",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Add a way to reach a partner; a webhook's secret is shown once",
        params: partnerParams,
        body: newEndpoint,
        response: {
          201: createdEndpoint,
          ...problems("malformed", "not-found", "conflict", "unsupported-media-type", "invalid"),
        },
      },
    },
    async ({ params: { partner }, body }, reply) => {
      const faults = endpointFaults(body, config.webhookAllow);
      if (faults.length > 0) throw new Problem("invalid", "the endpoint is not valid", faults);
      found(await findPartner(sql, partner), "partner", partner);
      const { row, secret } = sealEndpoint(partner, body, keyring);
      const created = await insertEndpoint(sql, row);
      if (!created) throw taken();
      return reply.code(201).send({ ...showEndpoint(created), ...(secret === undefined ? {} : { secret }) });
    },
  );

  app.patch(
    "/v1/endpoints/:endpoint",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Change an endpoint's address, role or status",
        params: endpointParams,
        body: endpointPatch,
        response: {
          200: endpoint,
          ...problems("malformed", "not-found", "conflict", "unsupported-media-type", "invalid"),
        },
      },
    },
    async ({ params, body }) => {
      const { no, channel } = await live(params.endpoint);
      const faults =
        body.address === undefined ? [] : addressFaults({ channel, address: body.address }, config.webhookAllow);
      if (faults.length > 0) throw new Problem("invalid", "the address is not valid", faults);
      const row = await updateEndpoint(sql, no, body).catch((error: unknown) => {
        throw isUniqueViolation(error) ? taken() : error;
      });
      return showEndpoint(found(row, "endpoint", params.endpoint));
    },
  );

  app.delete(
    "/v1/endpoints/:endpoint",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Remove an endpoint; its address and secrets are erased, its deliveries stay",
        params: endpointParams,
        response: { 204: z.undefined().describe("Removed"), ...problems("not-found") },
      },
    },
    async ({ params }, reply) => {
      if (!(await eraseEndpoint(sql, endpointNumber(params.endpoint)))) throw noSuch("endpoint", params.endpoint);
      return reply.code(204).send();
    },
  );

  app.post(
    "/v1/endpoints/:endpoint/rotate",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Give a webhook a new secret; the old one signs along for a while",
        params: endpointParams,
        body: rotation,
        response: {
          200: createdEndpoint.extend({ formerUntil: instant }),
          ...problems("malformed", "not-found", "conflict", "unsupported-media-type", "invalid"),
        },
      },
    },
    async ({ params, body }) => {
      const row = await live(params.endpoint);
      if (row.channel !== "webhook")
        throw new Problem("conflict", `${params.endpoint} is a mail address, which has no secret`);
      const secret = newSecret();
      const until = await rotateSecret(sql, row.no, keyring.seal(secret), secondsOf(body.overlap));
      return {
        ...showEndpoint(row),
        secret,
        formerUntil: found(until, "endpoint", params.endpoint).toISOString(),
      };
    },
  );

  app.post(
    "/v1/endpoints/:endpoint/test",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Send a test notice now and answer the outcome",
        params: endpointParams,
        response: { 200: sentTest, ...problems("not-found") },
      },
    },
    async ({ params }) => sendTest((await live(params.endpoint)).no),
  );
};
