import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { endpointNo } from "../../domain/delivery.ts";
import { Problem } from "../../errors.ts";
import { makeReplays } from "../../flow/replay.ts";
import { findDelivery } from "../../ledger/delivery-views.ts";
import { type EndpointRow, endpointsOf, findEndpoint, rotateSecret, updateEndpoint } from "../../ledger/endpoints.ts";
import { revokeLinks } from "../../ledger/partner-links.ts";
import { type PartnerRow, updatePartner } from "../../ledger/partners.ts";
import { zoneFaults } from "../../ledger/zones.ts";
import { preferredLocale } from "../../pages/changelog-pages.ts";
import type { Pages } from "../../pages/pages.ts";
import { plainLine } from "../../render/plain-text.ts";
import { partnerPage } from "../../render/public-links.ts";
import { type WordKey, wordsFor } from "../../render/words.ts";
import { newSecret } from "../../senders/signature.ts";
import { addressFaults } from "../addresses.ts";
import { sendClosed } from "../closed-page.ts";
import { sendPage } from "../html.ts";
import { openLink } from "../open-link.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { makeSendHome } from "../send-home.ts";
import { holidays, locale, zone } from "../shapes/fields.ts";
import { linkParams } from "./partner-pages.ts";

/** A rotated secret's former one signs along for a day. */
const OVERLAP_SECONDS = 24 * 60 * 60;

const endpointLink = linkParams.extend({ endpoint: z.string().max(64) });
const deliveryLink = linkParams.extend({ delivery: z.string().max(200) });
const newAddress = z.object({ address: z.string().max(2_048) });
const preferences = z.object({
  locale: z.string().max(100),
  timeZone: z.string().max(100),
  holidays: z.string().max(20_000),
});

type Home = { partner: PartnerRow; epoch: number };

/** Preferences as the form sends them: what they come to, or which of them do not hold. */
const readPreferences = (sent: z.output<typeof preferences>) => {
  const dates = sent.holidays.split(/[\s,;]+/).filter((date) => date !== "");
  const read = {
    locale: locale.safeParse(sent.locale.trim()),
    timeZone: zone.safeParse(sent.timeZone.trim()),
    holidays: holidays.safeParse(dates),
  };
  const wrong = (["locale", "timeZone", "holidays"] as const).filter((name) => !read[name].success);
  return {
    wrong,
    fields: { locale: read.locale.data, timeZone: read.timeZone.data, holidays: read.holidays.data },
  };
};

/** What became of a test's delivery, in words; whatever waits is tried again. */
const TESTED: Readonly<Record<string, Extract<WordKey, `home.tested.${string}`>>> = {
  sent: "home.tested.sent",
  waiting: "home.tested.waiting",
};

/** What a partner does on its home page. Each is a POST to an address that only its holder knows. */
export const partnerHomeRoutes = (app: Server, parts: HttpParts, pages: Pages): void => {
  const { ledger, keyring, clock, config, sendTest } = parts;
  const replays = makeReplays(parts);
  const sql = ledger.pools.routine;
  const sendHome = makeSendHome(parts, pages);
  const options = <T extends z.ZodType>(params: T) =>
    ({ config: { access: "public" as const }, schema: { hide: true, params } }) as const;

  /** Runs `work` for the home page that the link opens; any other link is told so. */
  const atHome = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { token, work }: { token: string; work: (home: Home) => Promise<FastifyReply> },
  ): Promise<FastifyReply> => {
    const link = await openLink(token, { sql, keyring, clock });
    if (link.kind === "home") return work(link);
    return sendClosed(reply, pages, {
      link: { kind: "missing" },
      publicUrl: config.publicUrl,
      locale: preferredLocale(request.headers["accept-language"]),
    });
  };

  const own = async ({ partner }: Home, id: string): Promise<EndpointRow> => {
    const no = endpointNo(id);
    const endpoint = no === null ? null : await findEndpoint(sql, no);
    if (endpoint?.partner !== partner.partner) throw new Problem("not-found", `there is no endpoint ${id} here`);
    return endpoint;
  };

  // What a button answered has the address of its action; whoever opens that again gets the page.
  for (const action of ["/preferences", "/revoke", "/endpoints/:endpoint/:action", "/deliveries/:delivery/resend"])
    app.get(`/p/:token${action}`, options(linkParams), async (request, reply) =>
      reply.redirect(partnerPage(config.publicUrl, request.params.token), 303),
    );

  app.post("/p/:token/endpoints/:endpoint/test", options(endpointLink), async (request, reply) => {
    const { token, endpoint: id } = request.params;
    return atHome(request, reply, {
      token,
      work: async (home) => {
        const endpoint = await own(home, id);
        const words = wordsFor(home.partner.locale);
        const address = plainLine(endpoint.address);
        try {
          const { status, reason, attempts } = await sendTest(endpoint.no);
          const error = plainLine(attempts.at(-1)?.error ?? reason ?? status);
          const said = words.say(TESTED[status] ?? "home.tested.failed", { address, error });
          return await sendHome(reply, home, { said });
        } catch (fault) {
          if (!(fault instanceof Problem)) throw fault;
          const said = words.say("home.tested.failed", { address, error: fault.message });
          return sendHome(reply, home, { said, status: 503 });
        }
      },
    });
  });

  app.post("/p/:token/deliveries/:delivery/resend", options(deliveryLink), async (request, reply) => {
    const { token, delivery: id } = request.params;
    return atHome(request, reply, {
      token,
      work: async (home) => {
        const found = await findDelivery(sql, id);
        if (found?.delivery.partner !== home.partner.partner)
          throw new Problem("not-found", `there is no delivery ${id} here`);
        const words = wordsFor(home.partner.locale);
        try {
          await replays.delivery(id);
          return await sendHome(reply, home, { said: words.say("home.resent") });
        } catch (fault) {
          if (!(fault instanceof Problem)) throw fault;
          return sendHome(reply, home, { said: words.say("home.notResent"), status: 409 });
        }
      },
    });
  });

  app.post("/p/:token/endpoints/:endpoint/enable", options(endpointLink), async (request, reply) => {
    const { token, endpoint: id } = request.params;
    return atHome(request, reply, {
      token,
      work: async (home) => {
        const endpoint = await own(home, id);
        await updateEndpoint(sql, endpoint.no, { status: "active" });
        const said = wordsFor(home.partner.locale).say("home.enabled", { address: plainLine(endpoint.address) });
        return sendHome(reply, home, { said });
      },
    });
  });

  app.post(
    "/p/:token/endpoints/:endpoint/address",
    { config: { access: "public" }, schema: { hide: true, params: endpointLink, body: newAddress } },
    async (request, reply) =>
      atHome(request, reply, {
        token: request.params.token,
        work: async (home) => {
          const { no, channel } = await own(home, request.params.endpoint);
          const address = request.body.address.trim();
          const words = wordsFor(home.partner.locale);
          if (addressFaults({ channel, address }, config.webhookAllow).length > 0)
            return sendHome(reply, home, { said: words.say(`home.fault.address.${channel}`), status: 422 });
          const others = await endpointsOf(sql, [home.partner.partner]);
          if (others.some((other) => other.no !== no && other.channel === channel && other.address === address))
            return sendHome(reply, home, { said: words.say("home.fault.address.taken"), status: 409 });
          await updateEndpoint(sql, no, { address });
          return sendHome(reply, home, { said: words.say("home.moved", { address: plainLine(address) }) });
        },
      }),
  );

  app.post("/p/:token/endpoints/:endpoint/rotate", options(endpointLink), async (request, reply) => {
    const { token, endpoint: id } = request.params;
    return atHome(request, reply, {
      token,
      work: async (home) => {
        const endpoint = await own(home, id);
        if (endpoint.channel !== "webhook")
          throw new Problem("conflict", `${id} is a mail address, which has no secret`);
        const value = newSecret();
        await rotateSecret(sql, endpoint.no, keyring.seal(value), OVERLAP_SECONDS);
        const line = wordsFor(home.partner.locale).say("home.secret", { address: plainLine(endpoint.address) });
        return sendHome(reply, home, { secret: { line, value } });
      },
    });
  });

  app.post(
    "/p/:token/preferences",
    { config: { access: "public" }, schema: { hide: true, params: linkParams, body: preferences } },
    async (request, reply) =>
      atHome(request, reply, {
        token: request.params.token,
        work: async (home) => {
          const { wrong, fields } = readPreferences(request.body);
          if ((await zoneFaults(sql, fields.timeZone)).length > 0) wrong.push("timeZone");
          const words = wordsFor(home.partner.locale);
          if (wrong.length > 0) {
            const faults = Object.fromEntries(wrong.map((name) => [name, words.say(`home.fault.${name}`)]));
            const refused = { values: request.body, faults };
            return sendHome(reply, home, { refused, said: words.say("home.fault"), status: 422 });
          }
          const partner = (await updatePartner(sql, home.partner.partner, fields)) ?? home.partner;
          return sendHome(reply, { ...home, partner }, { said: wordsFor(partner.locale).say("home.saved") });
        },
      }),
  );

  app.post("/p/:token/revoke", options(linkParams), async (request, reply) =>
    atHome(request, reply, {
      token: request.params.token,
      work: async ({ partner }) => {
        const epoch = (await revokeLinks(sql, partner.partner)) ?? 0;
        const words = wordsFor(partner.locale);
        const address = partnerPage(config.publicUrl, keyring.pageToken(partner.partner, null, epoch));
        const view = {
          language: words.language,
          title: words.say("home.links"),
          text: words.say("home.revoked"),
          address,
          link: address,
          open: words.say("home.revokedOpen"),
        };
        return sendPage(reply, pages, { name: "closed.html.liquid", view });
      },
    }),
  );
};
