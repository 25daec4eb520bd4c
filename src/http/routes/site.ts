import type { Pages } from "../../pages/pages.ts";
import type { Mailbox } from "../../render/mail-mime.ts";
import { readForms } from "../forms.ts";
import type { HttpParts } from "../parts.ts";
import type { Server } from "../route.ts";
import { calendarRoutes } from "./calendars.ts";
import { changelogRoutes } from "./changelog.ts";
import { partnerHomeRoutes } from "./partner-home.ts";
import { partnerPageRoutes } from "./partner-pages.ts";
import { unsubscribeRoutes } from "./unsubscribe.ts";

/** All that people read: the public record, partners' own pages, calendars. `organizer` is who sends the mails. */
export const siteRoutes = (scope: Server, parts: HttpParts, site: { pages: Pages; organizer: Mailbox }): void => {
  readForms(scope);
  partnerPageRoutes(scope, parts, site.pages);
  partnerHomeRoutes(scope, parts, site.pages);
  unsubscribeRoutes(scope, parts, site.pages);
  calendarRoutes(scope, parts, site);
  changelogRoutes(scope, parts, site);
};
