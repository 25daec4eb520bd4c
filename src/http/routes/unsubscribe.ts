import type { FastifyReply, FastifyRequest } from "fastify";
import { endpointId } from "../../domain/delivery.ts";
import { type EndpointRow, type EndpointStatus, endpointsOf, findEndpoint } from "../../ledger/endpoints.ts";
import { setUnsubscribed } from "../../ledger/partner-links.ts";
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
export const unsubscribeRoutes = (app: Server, { ledger, keyring, config, log }: HttpParts, pages: Pages): void => {
  const sql = ledger.pools.routine;
  const options = { config: { access: "public" }, schema: { hide: true, params: linkParams } } as const;

  const find = async (token: string): Promise<EndpointRow | null> => {
    const no = keyring.readUnsubscribeToken(token);
    const endpoint = no === null ? null : await findEndpoint(sql, no);
    return endpoint?.channel === "email" ? endpoint : null;
  };

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
      const before = await find(request.params.token);
      if (before && (await setUnsubscribed(sql, before.no, unsubscribed))) {
        const { partner, no } = before;
        const facts = { endpoint: endpointId(no), partner, unsubscribed };
        const left = await endpointsOf(sql, [partner]);
        if (left.some(({ status, role }) => status === "active" && role === "primary"))
          log.info(facts, "a mail address decided on its mails");
        else log.warn(facts, "a mail address decided on its mails, and no endpoint reaches its partner any more");
      }
      const endpoint = before && (await find(request.params.token));
      const isBack = !unsubscribed && endpoint?.status === "active";
      return show(request, reply, { endpoint, ...(isBack ? { word: "unsubscribe.back" } : {}) });
    };

  app.get("/p/:token/unsubscribe", options, async (request, reply) =>
    show(request, reply, { endpoint: await find(request.params.token) }),
  );
  app.post("/p/:token/unsubscribe", options, change(true));
  app.post("/p/:token/resubscribe", options, change(false));
};
