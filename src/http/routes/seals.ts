import { z } from "zod";
import { listSealFacts } from "../../ledger/seals.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";
import { seal, verifiedSeals } from "../shapes/proof.ts";

const tags = ["proof"];
const notANumber = "is not the number of a seal; leave it out to begin with the first";

export const sealRoutes = (app: Server, { ledger, verifySeals }: HttpParts): void => {
  app.get(
    "/v1/seals",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "The seals over the ledger, oldest first",
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(seal), ...problems("invalid") },
      },
    },
    async ({ query: { limit, cursor } }) => {
      const [after] = readCursor(cursor, [0] as [number]);
      const rows = await listSealFacts(ledger.pools.routine, after, limit + 1);
      return pageOf(
        rows,
        limit,
        (row) => [row.no],
        (row) => row,
      );
    },
  );

  app.get(
    "/v1/seals/verify",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Recompute the seals and name the rows that were altered since",
        description: "Checks as much as one call can; go on with `after` until `next` is null.",
        querystring: z.strictObject({
          after: z.coerce.number(notANumber).int(notANumber).min(0, notANumber).default(0),
        }),
        response: { 200: verifiedSeals, ...problems("invalid") },
      },
    },
    async ({ query: { after } }) => {
      const verified = await verifySeals(after);
      return { intact: verified.faults.length === 0, ...verified };
    },
  );
};
