import { z } from "zod";
import { Problem } from "../../errors.ts";
import { inTransaction } from "../../ledger/connection.ts";
import { insertKey, type KeyRow, listKeys, revokeKey } from "../../ledger/keys.ts";
import { mintKey } from "../keys.ts";
import type { LiveKeys } from "../live-keys.ts";
import type { HttpParts } from "../parts.ts";
import { found, noSuch, type Server } from "../route.ts";
import { createdKey, key, newKey } from "../shapes/key.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["keys"];

const showKey = ({ createdAt, revokedAt, ...row }: KeyRow) => ({
  ...row,
  createdAt: createdAt.toISOString(),
  revokedAt: revokedAt?.toISOString() ?? null,
});

export const keyRoutes = (app: Server, { ledger }: HttpParts, liveKeys: LiveKeys): void => {
  const sql = ledger.pools.routine;

  app.get(
    "/v1/keys",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "API keys, without the keys themselves",
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(key), ...problems("invalid") },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const [after] = readCursor(cursor, [""] as [string]);
      return pageOf(await listKeys(sql, after, limit + 1), limit, (row) => [row.key], showKey);
    },
  );

  app.post(
    "/v1/keys",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Make an API key; it is shown once",
        body: newKey,
        response: { 201: createdKey, ...problems("malformed", "unsupported-media-type", "invalid") },
      },
    },
    async ({ body }, reply) => {
      const { id, whole, hash } = mintKey();
      const row = found(await insertKey(sql, { key: id, hash, ...body }), "key", id);
      return reply.code(201).send({ ...showKey(row), secret: whole });
    },
  );

  app.delete(
    "/v1/keys/:key",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Revoke an API key, from its next request on",
        description: "Other API processes on the same ledger may take events and bounces with it for a second more.",
        params: z.object({ key: z.string().max(64) }),
        response: { 204: z.undefined().describe("Revoked"), ...problems("not-found", "conflict") },
      },
    },
    async ({ params }, reply) => {
      // Also after a failure: a COMMIT without an answer may have gone through.
      const outcome = await inTransaction(sql, (tx) => revokeKey(tx, params.key)).finally(() => liveKeys.forget());
      if (outcome === "absent") throw noSuch("live key", params.key);
      if (outcome === "last") throw new Problem("conflict", "this is the last admin key; make another one first");
      return reply.code(204).send();
    },
  );
};
