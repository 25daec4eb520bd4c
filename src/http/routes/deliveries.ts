import { z } from "zod";
import { CHANNELS } from "../../domain/category.ts";
import { DELIVERY_STATUSES, deliveryId, endpointId } from "../../domain/delivery.ts";
import { makeReplays } from "../../flow/replay.ts";
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

const deliveryParams = z.object({ delivery: z.string().max(200) });

export const deliveryRoutes = (app: Server, { ledger, log }: HttpParts): void => {
  const sql = ledger.pools.routine;
  const replays = makeReplays({ ledger, log });
  const view = async (id: string) => {
    const { delivery: row, attempts } = found(await findDelivery(sql, id), "delivery", id);
    return { ...showDelivery(row), attempts: attempts.map(showAttempt) };
  };

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
        params: deliveryParams,
        response: { 200: delivery, ...problems("not-found") },
      },
    },
    async ({ params }) => view(params.delivery),
  );

  app.post(
    "/v1/deliveries/:delivery/replay",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Send a delivery again, with the same ids; one that was sent stays sent",
        params: deliveryParams,
        response: { 202: delivery, ...problems("not-found", "conflict") },
      },
    },
    async ({ params }, reply) => {
      await replays.delivery(params.delivery);
      return reply.code(202).send(await view(params.delivery));
    },
  );
};
