import { z } from "zod";
import { Problem } from "../../errors.ts";
import { type Acknowledgement, listAcknowledgements } from "../../ledger/acknowledgements.ts";
import { changeExists } from "../../ledger/change-views.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, noSuch, type Server } from "../route.ts";
import { id } from "../shapes/fields.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";
import { acknowledgement, newAcknowledgement } from "../shapes/proof.ts";

const tags = ["proof"];

const show = ({ change, partner, revision, status, by, note, at }: Acknowledgement) => ({
  change,
  partner,
  revision,
  status,
  by,
  ...(note === null ? {} : { note }),
  at: at.toISOString(),
});

export const acknowledgementRoutes = (app: Server, { ledger, acknowledge }: HttpParts): void => {
  app.post(
    "/v1/changes/:change/acknowledgements",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Record a partner's word on a change; `needs-help` tells the provider's contact",
        params: changeParams,
        body: newAcknowledgement,
        response: {
          200: acknowledgement.describe("The partner's last word was the very same: it stands"),
          201: acknowledgement.describe("Recorded"),
          ...problems("malformed", "not-found", "unsupported-media-type", "invalid"),
        },
      },
    },
    async ({ params: { change }, body: { note = null, ...said } }, reply) => {
      const result = await acknowledge({ change, note, ...said });
      if (result.kind === "absent") throw noSuch("change", change);
      if (result.kind === "refused") throw new Problem("invalid", "the acknowledgement is not valid", result.faults);
      return reply.code(result.kind === "repeated" ? 200 : 201).send(show(result.acknowledgement));
    },
  );

  app.get(
    "/v1/changes/:change/acknowledgements",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "What partners said of a change, in order",
        params: changeParams,
        querystring: z.strictObject({ partner: id("partner").optional(), ...PAGE }),
        response: { 200: listOf(acknowledgement), ...problems("not-found", "invalid") },
      },
    },
    async ({ params: { change }, query: { limit, cursor, ...filter } }) => {
      const sql = ledger.pools.routine;
      const [after] = readCursor(cursor, [0] as [number]);
      if (!(await changeExists(sql, change))) throw noSuch("change", change);
      const rows = await listAcknowledgements(sql, change, filter, { after, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.no], show);
    },
  );
};
