import type { Registry } from "prom-client";
import { z } from "zod";
import { watchBacklog, watchProcess } from "../metrics.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";

export const metricsRoutes = (app: Server, { ledger }: HttpParts, registry: Registry): void => {
  watchProcess(registry);
  const refresh = watchBacklog(registry, ledger);
  app.get(
    "/metrics",
    {
      config: { access: "public" },
      schema: {
        tags: ["health"],
        summary: "Prometheus metrics",
        response: { 200: { description: "Text", content: { "text/plain": { schema: z.string() } } } },
      },
    },
    async (_request, reply) => {
      await refresh();
      return reply
        .type(registry.contentType)
        .serializer(String)
        .send(await registry.metrics());
    },
  );
};
