import { z } from "zod";
import { findChangeView, listNotices, listRevisions } from "../../ledger/change-views.ts";
import { listDeliveries } from "../../ledger/delivery-views.ts";
import { findPartner } from "../../ledger/partners.ts";
import { findService } from "../../ledger/services.ts";
import { type ChangePageInput, changePage } from "../../pages/change-page.ts";
import type { Pages } from "../../pages/pages.ts";
import { sendPage } from "../html.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";

/** A partner sees at most this many notices and deliveries of one change. */
const SHOWN = 1_000;

/** A partner's own page of a change, behind a link that only its mails and webhooks hold. Reading it changes nothing. */
export const partnerPageRoutes = (app: Server, { ledger, keyring, clock }: HttpParts, pages: Pages): void => {
  const sql = ledger.pools.routine;

  const load = async (token: string): Promise<ChangePageInput | null> => {
    const who = keyring.readPageToken(token);
    if (!who || who.change === null) return null;
    const [partner, view] = [await findPartner(sql, who.partner), await findChangeView(sql, who.change)];
    if (!partner || !view) return null;
    const notices = await listNotices(sql, view.change, 0, SHOWN);
    const deliveries = await listDeliveries(
      sql,
      view.change,
      { partner: partner.partner },
      {
        after: { notice: 0, endpoint: 0 },
        limit: SHOWN,
      },
    );
    const revisions = await listRevisions(sql, view.change);
    const service = await findService(sql, view.state.fields.service);
    return {
      view,
      partner,
      notices,
      deliveries,
      service: service?.title ?? view.state.fields.service,
      reason: revisions.at(-1)?.reason ?? null,
      now: clock.now(),
    };
  };

  app.get(
    "/p/:token",
    { config: { access: "public" }, schema: { hide: true, params: z.object({ token: z.string().max(500) }) } },
    async ({ params }, reply) => {
      const input = await load(params.token);
      return input
        ? sendPage(reply, pages, { name: "change.html.liquid", view: changePage(input) })
        : sendPage(reply, pages, { name: "missing.html.liquid", view: {}, status: 404 });
    },
  );
};
