import type { FastifyReply } from "fastify";
import type { PageName, Pages } from "../pages/pages.ts";

type Audience = "public" | "private";

/** A private page's address is a secret: it is kept by no cache and listed nowhere. */
const HEADERS: Record<Audience, Record<string, string>> = {
  private: { "cache-control": "private, no-store", "x-robots-tag": "noindex" },
  public: { "cache-control": "public, max-age=60", vary: "accept-language" },
};

/** Answers with a page; no site that it links to is told its address. */
export const sendPage = async (
  reply: FastifyReply,
  pages: Pages,
  {
    name,
    view,
    status = 200,
    audience = "private",
  }: { name: PageName; view: object; status?: number; audience?: Audience },
): Promise<FastifyReply> =>
  reply
    .code(status)
    .headers({
      "content-security-policy": pages.contentSecurityPolicy,
      "referrer-policy": "no-referrer",
      ...HEADERS[audience],
    })
    .type("text/html; charset=utf-8")
    .serializer(String)
    .send(await pages.render(name, view));
