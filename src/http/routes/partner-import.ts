import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { Problem } from "../../errors.ts";
import { importPartners } from "../import-partners.ts";
import { IMPORT_TYPES } from "../import-rows.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { problems } from "../shapes/problems.ts";

/** Each holds a connection for as long as its upload takes. */
const IMPORTS_AT_ONCE = 2;

export const partnerImportRoutes = (app: Server, parts: HttpParts): void => {
  const { ledger, longLedger = ledger, keyring, config, log } = parts;
  let running = 0;

  // The body stays a stream: it is read as it comes, and never held as a whole.
  app.removeAllContentTypeParsers();
  for (const type of Object.keys(IMPORT_TYPES))
    app.addContentTypeParser(type, (_request: FastifyRequest, payload: Readable, done) => done(null, payload));

  app.post(
    "/v1/partners/import",
    {
      config: { access: "admin" },
      schema: {
        tags: ["partners"],
        summary: "Create or update many partners, all or nothing",
        description:
          "`text/csv` with the columns `partner,name,email,webhook,timeZone,locale,subscriptions` (several values in a cell are separated by spaces) or `application/x-ndjson` with a partner a line. Cells and fields that are absent stay as they are, empty cells too; a partner that is new needs a name. Endpoints are matched by channel and address and keep their id, secret and status; endpoints that the file does not name stay. Answers a line `{partner, endpoint, channel, address, secret}` for each new webhook; the headers `forewarn-partners`, `forewarn-created` and `forewarn-endpoints` count the partners, those that are new, and the new endpoints. The `path` of a fault is the line and the field, and `line` the line alone.",
        response: {
          200: {
            description: "Imported; a line for each new webhook",
            content: { "application/x-ndjson": { schema: z.string() } },
          },
          ...problems("malformed", "too-large", "unsupported-media-type", "invalid"),
        },
      },
    },
    async (request, reply) => {
      if (running >= IMPORTS_AT_ONCE)
        throw new Problem("rate-limited", `${running} imports are running; wait until one of them has ended`);
      const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
      if (request.body === undefined || request.body === null)
        throw new Problem("malformed", `the body is empty; send ${Object.keys(IMPORT_TYPES).join(" or ")}`);
      const startedAt = performance.now();
      running += 1;
      try {
        const { partners, created, endpoints, answer } = await importPartners(type, request.body as Readable, {
          pool: longLedger.pools.routine,
          keyring,
          allow: config.webhookAllow,
        });
        log.info({ partners, created, endpoints, ms: Math.round(performance.now() - startedAt) }, "partners imported");
        // The schema says what the lines are; the stream itself is sent as it is.
        const stream: FastifyReply = reply;
        return await stream
          .headers({
            "forewarn-partners": partners,
            "forewarn-created": created,
            "forewarn-endpoints": endpoints,
            "cache-control": "no-store",
          })
          .type("application/x-ndjson")
          .send(answer);
      } finally {
        running -= 1;
      }
    },
  );
};
