import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { Problem } from "../../errors.ts";
import { ACKNOWLEDGEMENT_STATUSES, latestAcknowledgement } from "../../ledger/acknowledgements.ts";
import { listNotices } from "../../ledger/change-views.ts";
import { listDeliveries } from "../../ledger/delivery-views.ts";
import { listHistories } from "../../ledger/histories.ts";
import { ownHours } from "../../ledger/own-hours.ts";
import { changePage } from "../../pages/change-page.ts";
import { preferredLocale } from "../../pages/changelog-pages.ts";
import type { Pages } from "../../pages/pages.ts";
import { plainBlock, plainLine } from "../../render/plain-text.ts";
import { wordsFor } from "../../render/words.ts";
import { sendClosed } from "../closed-page.ts";
import { isForm } from "../forms.ts";
import { sendPage } from "../html.ts";
import { type OpenedLink, openLink } from "../open-link.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { makeSendHome } from "../send-home.ts";

/** A partner sees at most this many notices and deliveries of one change. */
const SHOWN = 1_000;

export const linkParams = z.object({ token: z.string().max(500) });

/** What a button of the page sends, or a program that follows a webhook's `links.acknowledge`. */
const answer = z.object({
  status: z.enum(ACKNOWLEDGEMENT_STATUSES, `is not an answer; use ${ACKNOWLEDGEMENT_STATUSES.join(", ")}`),
  /** Of the page that was read; the latest when absent. */
  revision: z.coerce.number().int().min(1).max(1_000_000).optional(),
  by: z.string().max(200, "is longer than 200 characters").optional(),
  note: z.string().max(2_000, "is longer than 2,000 characters").optional(),
});

/**
 * A partner's own pages, behind links that only its mails and webhooks hold: no login and no cookie. Reading changes
 * nothing, so that scanners which open every link do no harm; only the buttons do.
 */
export const partnerPageRoutes = (app: Server, parts: HttpParts, pages: Pages): void => {
  const { ledger, keyring, clock, config, acknowledge } = parts;
  const sql = ledger.pools.routine;
  const sendHome = makeSendHome(parts, pages);

  const shut = (
    request: FastifyRequest,
    reply: FastifyReply,
    link: Extract<OpenedLink, { kind: "closed" | "missing" }>,
  ) =>
    sendClosed(reply, pages, {
      link,
      publicUrl: config.publicUrl,
      locale: preferredLocale(request.headers["accept-language"]),
    });

  const sendChange = async (
    reply: FastifyReply,
    { view, partner }: Extract<OpenedLink, { kind: "change" }>,
    token: string,
  ): Promise<FastifyReply> => {
    const [notices, hours, deliveries, histories, answer] = await Promise.all([
      listNotices(sql, view.change, 0, SHOWN),
      ownHours(sql, view.change, partner.partner),
      listDeliveries(
        sql,
        view.change,
        { partner: partner.partner },
        { after: { notice: 0, endpoint: 0 }, limit: SHOWN },
      ),
      listHistories(sql, [view.change]),
      latestAcknowledgement(sql, view.change, partner.partner),
    ]);
    const page = changePage({
      view,
      partner,
      notices,
      hours,
      deliveries,
      history: histories.get(view.change) ?? [],
      answer,
      token,
      publicUrl: config.publicUrl,
      now: clock.now(),
    });
    return sendPage(reply, pages, { name: "change.html.liquid", view: page });
  };

  app.get(
    "/p/:token",
    { config: { access: "public" }, schema: { hide: true, params: linkParams } },
    async (request, reply) => {
      const { token } = request.params;
      const link = await openLink(token, { sql, keyring, clock });
      if (link.kind === "change") return sendChange(reply, link, token);
      return link.kind === "home" ? sendHome(reply, link) : shut(request, reply, link);
    },
  );

  app.post(
    "/p/:token/acknowledgements",
    { config: { access: "public" }, schema: { hide: true, params: linkParams, body: answer } },
    async (request, reply) => {
      const { token } = request.params;
      const link = await openLink(token, { sql, keyring, clock });
      if (link.kind === "closed" || link.kind === "missing") return shut(request, reply, link);
      if (link.kind === "home") throw new Problem("not-found", "this link is of no change; open the change first");
      const { status, revision = link.view.revision, by = "", note = "" } = request.body;
      const result = await acknowledge({
        change: link.view.change,
        partner: link.partner.partner,
        revision,
        status,
        by: plainLine(by) || wordsFor(link.partner.locale).say("answer.page"),
        note: plainBlock(note) || null,
      });
      if (result.kind === "absent") throw new Problem("not-found", `there is no change ${link.view.change}`);
      if (result.kind === "refused") throw new Problem("invalid", "the answer is not valid", result.faults);
      // A person goes back to the page, which can be loaded again without answering again.
      if (isForm(request)) return reply.code(303).header("location", `../${token}#answer`).send();
      const { at, no: _, ...said } = result.acknowledgement;
      return reply
        .code(result.kind === "repeated" ? 200 : 201)
        .serializer(JSON.stringify)
        .type("application/json")
        .send({ ...said, at: at.toISOString() });
    },
  );
};
