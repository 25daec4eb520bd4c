import type { FastifyReply } from "fastify";
import type { Pages } from "../pages/pages.ts";
import { changelogPage } from "../render/public-links.ts";
import { wordsFor } from "../render/words.ts";
import { sendPage } from "./html.ts";
import type { OpenedLink } from "./open-link.ts";

type Shut = Extract<OpenedLink, { kind: "closed" | "missing" }>;

/** Answers a link that opens no page any more; `locale` is the reader's own where nobody knows whose link it is. */
export const sendClosed = (
  reply: FastifyReply,
  pages: Pages,
  { link, publicUrl, locale }: { link: Shut; publicUrl: string; locale: string },
): Promise<FastifyReply> => {
  const words = wordsFor(link.kind === "closed" ? link.partner.locale : locale);
  const view = {
    language: words.language,
    title: words.say(link.kind === "closed" ? "expired.title" : "missing.title"),
    text: words.say(link.kind === "closed" ? "expired.text" : "missing.text"),
    address: null,
    link: link.kind === "closed" ? changelogPage(publicUrl, link.view.change) : null,
    open: words.say("expired.open"),
  };
  return sendPage(reply, pages, { name: "closed.html.liquid", view, status: link.kind === "closed" ? 410 : 404 });
};
