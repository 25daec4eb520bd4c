import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Proof } from "../../flow/prove.ts";
import { proofPage } from "../../pages/proof-page.ts";
import type { Pages } from "../../pages/pages.ts";
import { proofCsv } from "../../render/proof-csv.ts";
import { proofJson } from "../../render/proof-json.ts";
import { sendPage } from "../html.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, found, type Server } from "../route.ts";
import { problems } from "../shapes/problems.ts";
import { proof as shape } from "../shapes/proof.ts";

const tags = ["proof"];
/** Lines are gathered to parts of this size: a line by itself costs more to send than to write. */
const PART = 64 * 1024;

async function* inParts(lines: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let part = "";
  for await (const line of lines) {
    part += line;
    if (part.length < PART) continue;
    yield part;
    part = "";
  }
  if (part !== "") yield part;
}

/** Sends a body as it is made, so that a proof of any size takes flat memory. */
const stream = (reply: FastifyReply, type: string, lines: AsyncIterable<string>): FastifyReply =>
  reply
    .type(`${type}; charset=utf-8`)
    .header("cache-control", "no-store")
    .send(Readable.from(inParts(lines)));

export const proofRoutes = (app: Server, { prove }: HttpParts, pages: Pages): void => {
  const proofOf = async (change: string): Promise<Proof> => found(await prove(change), "change", change);
  const schema = { tags, params: changeParams };

  app.get(
    "/v1/changes/:change/proof",
    {
      config: { access: "read" },
      schema: {
        ...schema,
        summary: "Who was told when, how we know, and whether the minimum was kept",
        response: {
          200: { description: "The proof", content: { "application/json": { schema: shape } } },
          ...problems("not-found"),
        },
      },
    },
    async ({ params }, reply) => stream(reply, "application/json", proofJson(await proofOf(params.change))),
  );

  app.get(
    "/v1/changes/:change/proof.csv",
    {
      config: { access: "read" },
      schema: {
        ...schema,
        summary: "The same as a table, a row a partner",
        response: {
          200: { description: "The proof", content: { "text/csv": { schema: z.string() } } },
          ...problems("not-found"),
        },
      },
    },
    async ({ params }, reply) => {
      const { partners } = await proofOf(params.change);
      reply.header("content-disposition", `attachment; filename="${params.change}-proof.csv"`);
      return stream(reply, "text/csv", proofCsv(partners));
    },
  );

  app.get(
    "/v1/changes/:change/proof.html",
    {
      config: { access: "read" },
      schema: {
        ...schema,
        summary: "The same as a page to read and to print",
        response: {
          200: { description: "The proof", content: { "text/html": { schema: z.string() } } },
          ...problems("not-found"),
        },
      },
    },
    async ({ params }, reply) =>
      sendPage(reply, pages, { name: "proof.html.liquid", view: await proofPage(await proofOf(params.change)) }),
  );
};
