import { z } from "zod";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { problems } from "../shapes/problems.ts";

const count = z.int().min(0);
const kinds = z.object({ plans: count, notices: count, chunks: count });

const drilled = z
  .object({
    flushed: z.object({ keys: count, ms: count }),
    before: kinds.describe("Jobs that waited on the queue"),
    back: kinds.describe("Jobs that the ledger put back"),
    kept: z.object({ events: count }).describe("Events on the queue that no ledger has yet"),
    rebuiltMs: count,
  })
  .meta({ id: "Drill" });

export const drillRoutes = (app: Server, { drill }: HttpParts): void => {
  app.post(
    "/v1/drill",
    {
      config: { access: "admin" },
      schema: {
        tags: ["health"],
        summary: "Throw the queue away and rebuild it from the ledger, counting what comes back",
        response: { 200: drilled, ...problems() },
      },
    },
    async () => drill(),
  );
};
