import type { FastifyReply, FastifyRequest } from "fastify";
import { makeMailChoice } from "../../flow/mail-choice.ts";
import type { EndpointRow, EndpointStatus } from "../../ledger/endpoints.ts";
import { findPartner } from "../../ledger/partners.ts";
import { preferredLocale } from "../../pages/changelog-pages.ts";
import type { Pages } from "../../pages/pages.ts";
import { plainLine } from "../../render/plain-text.ts";
import { type WordKey, wordsFor } from "../../render/words.ts";
import { sendClosed } from "../closed-page.ts";
import { sendPage } from "../html.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { linkParams } from "./partner-pages.ts";

/** What is said of an address in each state; `done` when a button has just brought it there. */
const SAID: Record<EndpointStatus, WordKey> = {
  active: "unsubscribe.ask",
  unsubscribed: "unsubscribe.done",
  bounced: "unsubscribe.off",
  disabled: "unsubscribe.off",
};

/**
 * Ending the mails to one address (RFC 8058): a POST to the address in `List-Unsubscribe` does it at once, without
 * login, cookie or redirect. GET asks, and changes nothing.
 */
export const unsubscribeRoutes = (app: Server, parts: HttpParts, pages: Pages): void => {
  const { ledger, config } = parts;
  const sql = ledger.pools.routine;
  const options = { config: { access: "public" }, schema: { hide: true, params: linkParams } } as const;
  const mailChoice = makeMailChoice(parts);

  const show = async (
    request: FastifyRequest<{ Params: { token: string } }>,
    reply: FastifyReply,
    { endpoint, word }: { endpoint: EndpointRow | null; word?: WordKey },
  ): Promise<FastifyReply> => {
    const locale = preferredLocale(request.headers["accept-language"]);
    if (!endpoint) return sendClosed(reply, pages, { link: { kind: "missing" }, publicUrl: config.publicUrl, locale });
    const partner = await findPartner(sql, endpoint.partner);
    const words = wordsFor(partner?.locale ?? locale);
    const view = {
      language: words.language,
      t: words.plain,
      token: request.params.token,
      status: word === "unsubscribe.back" ? "back" : endpoint.status,
      said: words.say(word ?? SAID[endpoint.status], {
        address: plainLine(endpoint.address),
        status: words.say(`endpoint.${endpoint.status}`),
      }),
    };
    return sendPage(reply, pages, { name: "unsubscribe.html.liquid", view });
  };

  const change =
    (unsubscribed: boolean) =>
    async (request: FastifyRequest<{ Params: { token: string } }>, reply: FastifyReply): Promise<FastifyReply> => {
      const endpoint = await mailChoice.choose(request.params.token, unsubscribed);
      const isBack = !unsubscribed && endpoint?.status === "active";
      return show(request, reply, { endpoint, ...(isBack ? { word: "unsubscribe.back" } : {}) });
    };

  app.get("/p/:token/unsubscribe", options, async (request, reply) =>
    show(request, reply, { endpoint: await mailChoice.find(request.params.token) }),
  );
  app.post("/p/:token/unsubscribe", options, change(true));
  app.post("/p/:token/resubscribe", options, change(false));
};
