import { z } from "zod";
import { pageEpochOf, revokeLinks } from "../../ledger/partner-links.ts";
import { partnerPage } from "../../render/public-links.ts";
import type { HttpParts } from "../parts.ts";
import { found, partnerParams, type Server } from "../route.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["partners"];

const links = z
  .object({
    home: z.url().describe("The partner's home page; whoever has it may act for the partner"),
    calendar: z.url().describe("The partner's calendar feed"),
  })
  .meta({ id: "PartnerLinks" });

/** The private links of a partner: to be handed over, or made void when one went astray. */
export const partnerLinkRoutes = (app: Server, { ledger, keyring, config }: HttpParts): void => {
  const sql = ledger.pools.routine;
  const linksOf = (partner: string, epoch: number) => ({
    home: partnerPage(config.publicUrl, keyring.pageToken(partner, null, epoch)),
    calendar: `${partnerPage(config.publicUrl, keyring.calendarToken(partner, epoch))}/calendar.ics`,
  });

  app.get(
    "/v1/partners/:partner/links",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "A partner's private links",
        params: partnerParams,
        response: { 200: links, ...problems("not-found") },
      },
    },
    async ({ params: { partner } }) => linksOf(partner, found(await pageEpochOf(sql, partner), "partner", partner)),
  );

  app.post(
    "/v1/partners/:partner/links/revoke",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Make every private link of a partner void, and answer the new ones",
        params: partnerParams,
        response: { 200: links, ...problems("not-found") },
      },
    },
    async ({ params: { partner } }) => linksOf(partner, found(await revokeLinks(sql, partner), "partner", partner)),
  );
};
