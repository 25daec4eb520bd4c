import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { findRecord, listLatelyRevised, listRecord } from "../../ledger/changelog.ts";
import { listHistories } from "../../ledger/histories.ts";
import { changelogPage, preferredLocale, recordPage } from "../../pages/changelog-pages.ts";
import type { Pages } from "../../pages/pages.ts";
import { atomFeed, jsonFeed } from "../../render/changelog-feeds.ts";
import type { Mailbox } from "../../render/mail-mime.ts";
import { sendClosed } from "../closed-page.ts";
import { sendPage } from "../html.ts";
import type { HttpParts } from "../parts.ts";
import { sendFile } from "../public-file.ts";
import type { Server } from "../route.ts";
import { readCursor, writeCursor } from "../shapes/lists.ts";

const PAGE = 100;
/** Of the feeds: readers keep what they had. */
const LATEST = 50;

const open = { config: { access: "public" }, schema: { hide: true } } as const;

/** The public record: what all may read of every change. */
export const changelogRoutes = (
  app: Server,
  { ledger, config, clock }: HttpParts,
  { pages, organizer }: { pages: Pages; organizer: Mailbox },
): void => {
  const sql = ledger.pools.routine;
  const { publicUrl } = config;
  const author = organizer.name || organizer.address;
  const reading = (request: FastifyRequest) => ({
    locale: preferredLocale(request.headers["accept-language"]),
    now: clock.now(),
    publicUrl,
  });

  // What a start prints leads here; people who follow it find what there is to read without a key.
  app.get("/", open, async (_request, reply) =>
    reply.redirect(`${new URL(publicUrl).pathname.replace(/\/$/, "")}/changelog`),
  );

  app.get(
    "/changelog",
    { ...open, schema: { hide: true, querystring: z.object({ before: z.string().max(400).optional() }) } },
    async (request, reply) => {
      const [createdAt, change] = readCursor(request.query.before, ["", ""] as [string, string]);
      const at = new Date(createdAt);
      const before = Number.isNaN(at.getTime()) ? null : { createdAt: at, change };
      const rows = await listRecord(sql, { before, limit: PAGE + 1 });
      const changes = rows.slice(0, PAGE);
      const last = rows.length > PAGE ? changes.at(-1) : undefined;
      const next = last ? writeCursor([last.createdAt.toISOString(), last.change]) : null;
      const view = changelogPage({ changes, next, ...reading(request) });
      return sendPage(reply, pages, { name: "changelog.html.liquid", view, audience: "public" });
    },
  );

  app.get("/changelog.atom", open, async (request, reply) => {
    const body = atomFeed({ changes: await listLatelyRevised(sql, LATEST), author, publicUrl });
    return sendFile(request, reply, { type: "application/atom+xml; charset=utf-8", body, audience: "public" });
  });

  app.get("/changelog.json", open, async (request, reply) => {
    const feed = jsonFeed({ changes: await listLatelyRevised(sql, LATEST), author, publicUrl });
    const body = JSON.stringify(feed);
    return sendFile(request, reply, { type: "application/feed+json; charset=utf-8", body, audience: "public" });
  });

  app.get(
    "/changelog/:change",
    { ...open, schema: { hide: true, params: z.object({ change: z.string().max(64) }) } },
    async (request, reply) => {
      const view = await findRecord(sql, request.params.change);
      const { locale, ...rest } = reading(request);
      if (!view) return sendClosed(reply, pages, { link: { kind: "missing" }, publicUrl, locale });
      const histories = await listHistories(sql, [view.change]);
      const page = recordPage({ view, history: histories.get(view.change) ?? [], locale, ...rest });
      return sendPage(reply, pages, { name: "record.html.liquid", view: page, audience: "public" });
    },
  );
};
