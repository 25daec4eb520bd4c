import { z } from "zod";
import { CATEGORIES } from "../../domain/category.ts";
import { CHANGE_STATUSES } from "../../domain/change.ts";
import {
  changeExists,
  countDeliveries,
  findChangeView,
  listChanges,
  listNotices,
  listRevisions,
  type NoticeView,
} from "../../ledger/change-views.ts";
import { unreachableOf } from "../../ledger/unreachable.ts";
import { showChange, showNotice, showRevision } from "../change-answer.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, found, noSuch, type Server } from "../route.ts";
import { change, changeSummary, notice } from "../shapes/change.ts";
import { id } from "../shapes/fields.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["changes"];
/** More notices than any policy plans for a change of some hundred revisions. */
const ALL_NOTICES = 10_000;

export const changeRoutes = (app: Server, { ledger }: HttpParts): void => {
  const sql = ledger.pools.routine;
  const shown = async (rows: readonly NoticeView[]) => {
    const counts = await countDeliveries(
      sql,
      rows.map((row) => row.no),
    );
    return (row: NoticeView) => showNotice(row, counts);
  };

  app.get(
    "/v1/changes",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Changes, by id",
        querystring: z.strictObject({
          category: z.enum(CATEGORIES, `is not a category; use one of ${CATEGORIES.join(", ")}`).optional(),
          service: id("service").optional(),
          status: z.enum(CHANGE_STATUSES, `is not a status; use one of ${CHANGE_STATUSES.join(", ")}`).optional(),
          ...PAGE,
        }),
        response: { 200: listOf(changeSummary), ...problems("invalid") },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) => {
      const [after] = readCursor(cursor, [""] as [string]);
      return pageOf(await listChanges(sql, filter, after, limit + 1), limit, (row) => [row.change], showChange);
    },
  );

  app.get(
    "/v1/changes/:change",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "One change with its revisions, verdict and notices",
        params: changeParams,
        response: { 200: change, ...problems("not-found") },
      },
    },
    async ({ params }) => {
      const view = found(await findChangeView(sql, params.change), "change", params.change);
      const rows = await listNotices(sql, params.change, 0, ALL_NOTICES);
      const revisions = await listRevisions(sql, params.change);
      return {
        ...showChange(view),
        unreachable: await unreachableOf(sql, params.change),
        notices: rows.map(await shown(rows)),
        revisions: revisions.map(showRevision),
      };
    },
  );

  app.get(
    "/v1/changes/:change/notices",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "A change's notices, with what became of their deliveries",
        params: changeParams,
        querystring: z.strictObject(PAGE),
        response: { 200: listOf(notice), ...problems("not-found", "invalid") },
      },
    },
    async ({ params, query: { limit, cursor } }) => {
      const [after] = readCursor(cursor, [0] as [number]);
      if (!(await changeExists(sql, params.change))) throw noSuch("change", params.change);
      const rows = await listNotices(sql, params.change, after, limit + 1);
      return pageOf(rows, limit, (row) => [row.no], await shown(rows));
    },
  );
};
