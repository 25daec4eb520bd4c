import { z } from "zod";
import type { Fault } from "../../domain/fault.ts";
import { Problem } from "../../errors.ts";
import { inTransaction, type Sql } from "../../ledger/connection.ts";
import { type EndpointRow, endpointsOf, insertEndpoint } from "../../ledger/endpoints.ts";
import {
  erasePartner,
  findPartner,
  insertPartner,
  listPartners,
  type PartnerRow,
  updatePartner,
} from "../../ledger/partners.ts";
import { unknownServices } from "../../ledger/services.ts";
import { zoneFaults } from "../../ledger/zones.ts";
import { endpointFaults, sealEndpoint } from "../addresses.ts";
import type { HttpParts } from "../parts.ts";
import { found, noSuch, partnerParams, type Server } from "../route.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { createdPartner, newEndpoint, newPartner, partner, partnerPatch } from "../shapes/partner.ts";
import { problems } from "../shapes/problems.ts";
import { showEndpoint } from "./endpoints.ts";

const tags = ["partners"];

const showPartner = ({ joinedAt, ...row }: PartnerRow, endpoints: readonly EndpointRow[]) => ({
  ...row,
  joinedAt: joinedAt.toISOString(),
  endpoints: endpoints.filter((endpoint) => endpoint.partner === row.partner).map(showEndpoint),
});

type Checked = { timeZone?: string | undefined; subscriptions?: readonly string[] | undefined };

/** What only the ledger can find wrong with a partner. */
const ledgerFaults = async (sql: Sql, { timeZone, subscriptions = [] }: Checked): Promise<Fault[]> => [
  ...(await zoneFaults(sql, timeZone)),
  ...(await unknownServices(sql, subscriptions)).map((service) => ({
    path: "subscriptions",
    message: `names ${service}, which is no service; add it first at POST /v1/services`,
  })),
];

/** What of a partner can be judged although other fields of it are not well formed. */
const judgeable = z
  .object({
    timeZone: newPartner.shape.timeZone.optional().catch(undefined),
    subscriptions: newPartner.shape.subscriptions.catch([]),
    endpoints: z.array(newEndpoint.nullable().catch(null)).catch([]),
  })
  .catch({ timeZone: undefined, subscriptions: [], endpoints: [] });

export const partnerRoutes = (app: Server, { ledger, keyring, config }: HttpParts): void => {
  const sql = ledger.pools.routine;

  app.get(
    "/v1/partners",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Partners, with their endpoints",
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(partner), ...problems("invalid") },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const [after] = readCursor(cursor, [""] as [string]);
      const rows = await listPartners(sql, after, limit + 1);
      const endpoints = await endpointsOf(
        sql,
        rows.map((row) => row.partner),
      );
      return pageOf(
        rows,
        limit,
        (row) => [row.partner],
        (row) => showPartner(row, endpoints),
      );
    },
  );

  app.post(
    "/v1/partners",
    {
      config: { access: "admin" },
      // Every fault is answered at once, so what is wrong with the form waits for what is wrong with the content.
      attachValidation: true,
      schema: {
        tags,
        summary: "Add a partner; secrets of its webhooks are shown once",
        body: newPartner,
        response: { 201: createdPartner, ...problems("malformed", "conflict", "unsupported-media-type", "invalid") },
      },
    },
    async ({ body, validationError }, reply) => {
      const given = judgeable.parse(body);
      const faults = [
        ...(validationError instanceof Problem ? validationError.faults : []),
        ...(await ledgerFaults(sql, given)),
        ...given.endpoints.flatMap((it, at) =>
          it ? endpointFaults(it, config.webhookAllow, `endpoints[${at}].`) : [],
        ),
      ];
      if (validationError || faults.length > 0) throw new Problem("invalid", "the partner is not valid", faults);
      const { endpoints, ...fields } = body;
      const created = await inTransaction(sql, async (tx) => {
        const row = await insertPartner(tx, fields);
        if (!row)
          throw new Problem(
            "conflict",
            `there is a partner ${fields.partner} already; change it with PATCH /v1/partners/${fields.partner}`,
          );
        const shown = [];
        for (const [at, endpoint] of endpoints.entries()) {
          const { row: wanted, secret } = sealEndpoint(row.partner, endpoint, keyring);
          const stored = await insertEndpoint(tx, wanted);
          if (!stored) {
            const fault = {
              path: `endpoints[${at}]`,
              message: "has the channel and address of another one; leave it out",
            };
            throw new Problem("invalid", "the partner is not valid", [fault]);
          }
          shown.push({ ...showEndpoint(stored), ...(secret === undefined ? {} : { secret }) });
        }
        return { ...showPartner(row, []), endpoints: shown };
      });
      return reply.code(201).send(created);
    },
  );

  app.get(
    "/v1/partners/:partner",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "One partner",
        params: partnerParams,
        response: { 200: partner, ...problems("not-found") },
      },
    },
    async ({ params }) => {
      const row = found(await findPartner(sql, params.partner), "partner", params.partner);
      return showPartner(row, await endpointsOf(sql, [row.partner]));
    },
  );

  app.patch(
    "/v1/partners/:partner",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Change a partner's own fields",
        params: partnerParams,
        body: partnerPatch,
        response: { 200: partner, ...problems("malformed", "not-found", "unsupported-media-type", "invalid") },
      },
    },
    async ({ params, body }) => {
      const faults = await ledgerFaults(sql, body);
      if (faults.length > 0) throw new Problem("invalid", "the partner is not valid", faults);
      const row = found(await updatePartner(sql, params.partner, body), "partner", params.partner);
      return showPartner(row, await endpointsOf(sql, [row.partner]));
    },
  );

  app.delete(
    "/v1/partners/:partner",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "A partner leaves: name, addresses and secrets are erased, what was delivered stays",
        params: partnerParams,
        response: { 204: z.undefined().describe("Erased"), ...problems("not-found") },
      },
    },
    async ({ params }, reply) => {
      const erased = await inTransaction(sql, (tx) => erasePartner(tx, params.partner));
      if (!erased) throw noSuch("partner", params.partner);
      return reply.code(204).send();
    },
  );
};
