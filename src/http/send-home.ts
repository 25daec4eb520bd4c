import type { FastifyReply } from "fastify";
import { latestAnswers } from "../ledger/partner-answers.ts";
import { listOpenChanges } from "../ledger/changelog.ts";
import { endpointsOf } from "../ledger/endpoints.ts";
import { recentDeliveries } from "../ledger/partner-links.ts";
import type { PartnerRow } from "../ledger/partners.ts";
import { type HomePageInput, homePage } from "../pages/home-page.ts";
import type { Pages } from "../pages/pages.ts";
import { partnerPage } from "../render/public-links.ts";
import { sendPage } from "./html.ts";
import type { HttpParts } from "./parts.ts";

const MOST_CHANGES = 200;
const MOST_DELIVERIES = 500;

type Home = { partner: PartnerRow; epoch: number };
/** What is shown besides, after an action. */
type Besides = Pick<HomePageInput, "said" | "secret" | "refused"> & { status?: number };

/** Answers with a partner's home page as it is now. */
export const makeSendHome =
  ({ ledger, keyring, clock, config }: HttpParts, pages: Pages) =>
  async (reply: FastifyReply, { partner, epoch }: Home, besides: Besides = {}): Promise<FastifyReply> => {
    const sql = ledger.pools.routine;
    const [changes, endpoints, answers] = await Promise.all([
      listOpenChanges(sql, partner.subscriptions, MOST_CHANGES),
      endpointsOf(sql, [partner.partner]),
      latestAnswers(sql, partner.partner),
    ]);
    const deliveries = await recentDeliveries(
      sql,
      endpoints.map(({ no }) => no),
      MOST_DELIVERIES,
    );
    const { status = 200, ...shown } = besides;
    const view = homePage({
      partner,
      changes,
      answers,
      endpoints,
      deliveries,
      token: keyring.pageToken(partner.partner, null, epoch),
      tokenOf: (change) => keyring.pageToken(partner.partner, change, epoch),
      calendar: `${partnerPage(config.publicUrl, keyring.calendarToken(partner.partner, epoch))}/calendar.ics`,
      now: clock.now(),
      ...shown,
    });
    return sendPage(reply, pages, { name: "home.html.liquid", view, status });
  };
