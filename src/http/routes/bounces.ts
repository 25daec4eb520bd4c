import type { FastifyRequest } from "fastify";
import { Problem } from "../../errors.ts";
import { BYTES } from "../limits.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { problems } from "../shapes/problems.ts";
import { takenBounce } from "../shapes/proof.ts";

const TYPE = "message/rfc822";

/** A part of the server of its own: its bodies are raw mails. */
export const bounceRoutes = (app: Server, { takeBounce }: HttpParts): void => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    TYPE,
    { parseAs: "buffer", bodyLimit: BYTES.bounce },
    async (_request: FastifyRequest, body: Buffer) => body,
  );

  app.post(
    "/v1/bounces",
    {
      config: { access: "emit", takes: "1 MiB" },
      schema: {
        tags: ["proof"],
        summary: "Take a delivery status notification (RFC 3464), as a mail server writes it",
        description: `The raw mail as \`${TYPE}\`. A hard bounce marks the mail endpoint; a mail to the address of \`List-Unsubscribe\` ends its mails; any other is left alone.`,
        response: {
          202: takenBounce,
          ...problems("malformed", "too-large", "unsupported-media-type"),
        },
      },
    },
    async (request, reply) => {
      if (!Buffer.isBuffer(request.body) || request.body.length === 0)
        throw new Problem("malformed", `the body is empty; send the raw mail as ${TYPE}`);
      return reply.code(202).send(await takeBounce(request.body));
    },
  );
};
