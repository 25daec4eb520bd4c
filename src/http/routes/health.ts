import { z } from "zod";
import { installationPausedAt } from "../../ledger/installation.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { instant } from "../shapes/fields.ts";

const tags = ["health"];

const ready = z
  .object({
    status: z.enum(["ready", "degraded", "unavailable"]),
    parts: z.record(z.string(), z.string()).describe('"ok", or the problem'),
    pausedAt: instant.optional().describe("Since when all sending is paused; absent when it is not"),
  })
  .meta({ id: "Ready" });

export const healthRoutes = (app: Server, { checks, ledger }: HttpParts): void => {
  app.get(
    "/healthz",
    {
      config: { access: "public" },
      schema: { tags, summary: "The process is alive", response: { 200: z.object({ status: z.literal("ok") }) } },
    },
    async () => ({ status: "ok" as const }),
  );

  app.get(
    "/readyz",
    {
      config: { access: "public" },
      schema: {
        tags,
        summary: "Whether the parts work; 503 only without PostgreSQL",
        response: { 200: ready, 503: ready },
      },
    },
    async (_request, reply) => {
      const parts = Object.fromEntries(
        await Promise.all(
          Object.entries(checks).map(async ([name, check]) => [
            name,
            await check().catch((error: unknown) => (error instanceof Error ? error.message : String(error))),
          ]),
        ),
      ) as Record<keyof typeof checks, string>;
      const fine = Object.values(parts).every((state) => state === "ok");
      if (parts.postgres !== "ok") return reply.code(503).send({ status: "unavailable", parts });
      // Somebody's wish and no fault of a part; asked of a ledger that has just answered, and gone without if it is slow after all.
      const pausedAt = await installationPausedAt(ledger.pools.urgent).catch(() => null);
      return reply.send({
        status: fine ? "ready" : "degraded",
        parts,
        ...(pausedAt ? { pausedAt: pausedAt.toISOString() } : {}),
      });
    },
  );
};
