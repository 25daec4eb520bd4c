import { listCalendarEntries } from "../../ledger/calendar-entries.ts";
import { preferredLocale } from "../../pages/changelog-pages.ts";
import type { Pages } from "../../pages/pages.ts";
import { calendarFeed } from "../../render/calendar-entry.ts";
import type { Mailbox } from "../../render/mail-mime.ts";
import { type Words, wordsFor } from "../../render/words.ts";
import { sendClosed } from "../closed-page.ts";
import { openCalendarLink } from "../open-link.ts";
import type { HttpParts } from "../parts.ts";
import { sendFile } from "../public-file.ts";
import type { Server } from "../route.ts";
import { linkParams } from "./partner-pages.ts";

const MOST_ENTRIES = 1_000;
const TYPE = "text/calendar; charset=utf-8; method=PUBLISH";

/** Calendars to subscribe to: of all changes, and of those that concern one partner. */
export const calendarRoutes = (
  app: Server,
  { ledger, keyring, config }: HttpParts,
  { pages, organizer }: { pages: Pages; organizer: Mailbox },
): void => {
  const sql = ledger.pools.routine;
  const { publicUrl } = config;
  const feedOf = async (subscriptions: readonly string[], words: Words): Promise<string> =>
    calendarFeed(await listCalendarEntries(sql, subscriptions, MOST_ENTRIES), {
      name: organizer.name || organizer.address,
      organizer,
      words,
      publicUrl,
    });

  app.get("/calendar.ics", { config: { access: "public" }, schema: { hide: true } }, async (request, reply) =>
    sendFile(request, reply, { type: TYPE, body: await feedOf(["*"], wordsFor("en")), audience: "public" }),
  );

  app.get(
    "/p/:token/calendar.ics",
    { config: { access: "public" }, schema: { hide: true, params: linkParams } },
    async (request, reply) => {
      const partner = await openCalendarLink(request.params.token, { sql, keyring });
      const locale = preferredLocale(request.headers["accept-language"]);
      if (!partner) return sendClosed(reply, pages, { link: { kind: "missing" }, publicUrl, locale });
      const body = await feedOf(partner.subscriptions, wordsFor(partner.locale));
      return sendFile(request, reply, { type: TYPE, body, audience: "private" });
    },
  );
};
