import type { FastifyReply } from "fastify";
import type { PageName, Pages } from "../pages/pages.ts";

/** Answers with a page; its address may be a secret, so it is not told to the sites that it links to, nor kept by caches. */
export const sendPage = async (
  reply: FastifyReply,
  pages: Pages,
  { name, view, status = 200 }: { name: PageName; view: object; status?: number },
): Promise<FastifyReply> =>
  reply
    .code(status)
    .headers({
      "content-security-policy": pages.contentSecurityPolicy,
      "referrer-policy": "no-referrer",
      "cache-control": "private, no-store",
      "x-robots-tag": "noindex",
    })
    .type("text/html; charset=utf-8")
    .serializer(String)
    .send(await pages.render(name, view));
