import { z } from "zod";
import { CHANNELS } from "../../domain/category.ts";
import { DELIVERY_STATUSES, deliveryId, endpointId } from "../../domain/delivery.ts";
import { changeExists } from "../../ledger/change-views.ts";
import { type AttemptView, type DeliveryView, findDelivery, listDeliveries } from "../../ledger/delivery-views.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, found, noSuch, type Server } from "../route.ts";
import { delivery, deliverySummary } from "../shapes/change.ts";
import { id } from "../shapes/fields.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["deliveries"];

const showDelivery = (row: DeliveryView) => ({
  delivery: deliveryId(row.notice, row.endpoint),
  notice: row.notice,
  change: row.change,
  partner: row.partner,
  endpoint: endpointId(row.endpoint),
  channel: row.channel,
  lane: row.lane,
  status: row.status,
  ...(row.reason === null ? {} : { reason: row.reason }),
  dueAt: row.dueAt.toISOString(),
  sentAt: row.sentAt?.toISOString() ?? null,
  attempts: row.attempts,
});

const showAttempt = ({ at, error, answer, ...row }: AttemptView) => ({
  ...row,
  at: at.toISOString(),
  ...(error === null ? {} : { error }),
  ...(answer === null ? {} : { answer }),
});

export const deliveryRoutes = (app: Server, { ledger }: HttpParts): void => {
  const sql = ledger.pools.routine;

  app.get(
    "/v1/changes/:change/deliveries",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "A change's deliveries: who was told what, when",
        params: changeParams,
        querystring: z.strictObject({
          status: z.enum(DELIVERY_STATUSES, `is not a status; use one of ${DELIVERY_STATUSES.join(", ")}`).optional(),
          channel: z.enum(CHANNELS, `is not a channel; use ${CHANNELS.join(" or ")}`).optional(),
          partner: id("partner").optional(),
          ...PAGE,
        }),
        response: { 200: listOf(deliverySummary), ...problems("not-found", "invalid") },
      },
    },
    async ({ params: { change }, query: { limit, cursor, ...filter } }) => {
      const [notice, endpoint] = readCursor(cursor, [0, 0] as [number, number]);
      if (!(await changeExists(sql, change))) throw noSuch("change", change);
      const rows = await listDeliveries(sql, change, filter, { after: { notice, endpoint }, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.noticeNo, row.endpoint], showDelivery);
    },
  );

  app.get(
    "/v1/deliveries/:delivery",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "One delivery with every attempt",
        params: z.object({ delivery: z.string().max(200) }),
        response: { 200: delivery, ...problems("not-found") },
      },
    },
    async ({ params }) => {
      const view = found(await findDelivery(sql, params.delivery), "delivery", params.delivery);
      return { ...showDelivery(view.delivery), attempts: view.attempts.map(showAttempt) };
    },
  );
};
