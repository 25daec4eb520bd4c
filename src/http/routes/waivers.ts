import { z } from "zod";
import { Problem } from "../../errors.ts";
import { changeExists } from "../../ledger/change-views.ts";
import { listWaivers, type Waiver } from "../../ledger/waivers.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, noSuch, type Server } from "../route.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";
import { newWaiver, waiver } from "../shapes/proof.ts";

const tags = ["proof"];

const show = ({ change, partner, by, reason, at }: Waiver) => ({
  change,
  ...(partner === null ? {} : { partner }),
  by,
  reason,
  at: at.toISOString(),
});

export const waiverRoutes = (app: Server, { ledger, waive }: HttpParts): void => {
  app.post(
    "/v1/changes/:change/waivers",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Let a minimum pass, in a person's name: for every partner, or for one",
        description: "It speaks of the release date that stands now; a date that moves needs a waiver of its own.",
        params: changeParams,
        body: newWaiver,
        response: { 201: waiver, ...problems("malformed", "not-found", "unsupported-media-type", "invalid") },
      },
    },
    async ({ params: { change }, body: { partner = null, ...given } }, reply) => {
      const result = await waive({ change, partner, ...given });
      if (result.kind === "absent") throw noSuch("change", change);
      if (result.kind === "refused") throw new Problem("invalid", "the waiver is not valid", result.faults);
      return reply.code(201).send(show(result.waiver));
    },
  );

  app.get(
    "/v1/changes/:change/waivers",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "The waivers of a change, in order",
        params: changeParams,
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(waiver), ...problems("not-found", "invalid") },
      },
    },
    async ({ params: { change }, query: { limit, cursor } }) => {
      const sql = ledger.pools.routine;
      const [after] = readCursor(cursor, [0] as [number]);
      if (!(await changeExists(sql, change))) throw noSuch("change", change);
      return pageOf(await listWaivers(sql, change, { after, limit: limit + 1 }), limit, (row) => [row.no], show);
    },
  );
};
