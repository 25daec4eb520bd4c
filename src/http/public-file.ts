import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

/** Answers with a feed or a calendar; who has the same bytes already gets 304 (RFC 9110, 13.1.2). */
export const sendFile = (
  request: FastifyRequest,
  reply: FastifyReply,
  { type, body, audience }: { type: string; body: string; audience: "public" | "private" },
): FastifyReply => {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 27)}"`;
  reply.headers({ etag, "cache-control": `${audience}, max-age=300`, "x-content-type-options": "nosniff" });
  const known = (request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""));
  if (known.includes(etag)) return reply.code(304).send();
  return reply.type(type).serializer(String).send(body);
};
