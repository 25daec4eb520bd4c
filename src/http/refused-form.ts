import type { FastifyReply, FastifyRequest } from "fastify";
import { type Problem, PROBLEMS, type ProblemName } from "../errors.ts";
import { preferredLocale } from "../pages/changelog-pages.ts";
import type { Pages } from "../pages/pages.ts";
import { partnerPage, unsubscribePage } from "../render/public-links.ts";
import { type WordKey, wordsFor } from "../render/words.ts";
import { isForm } from "./forms.ts";
import { sendPage } from "./html.ts";
import { BUG_BODY, problemHeaders } from "./problem.ts";

type Why = Extract<WordKey, `refused.${string}`>;

/** Why a button did nothing, in words for a person; the problem's own words are for programs. */
const WHY: Readonly<Record<ProblemName, Why>> = {
  malformed: "refused.invalid",
  unauthorized: "refused.missing",
  forbidden: "refused.missing",
  "not-found": "refused.missing",
  conflict: "refused.conflict",
  "too-large": "refused.invalid",
  "unsupported-media-type": "refused.invalid",
  invalid: "refused.invalid",
  "rate-limited": "refused.away",
  unavailable: "refused.away",
};

const ACKNOWLEDGE = /\/acknowledgements$/;
const MAIL_CHOICE = /\/(?:un|re)subscribe$/;

/** Whether a person sent it by a button of a partner's page; programs send forms to the API's other addresses by mistake. */
export const isPageForm = (request: FastifyRequest): boolean =>
  isForm(request) && request.routeOptions.url?.startsWith("/p/:token") === true;

/** Answers a form that was refused with a page that leads back to the form's own; `problem` is null for a bug. */
export const sendRefused = (
  request: FastifyRequest,
  reply: FastifyReply,
  { problem, pages, publicUrl }: { problem: Problem | null; pages: Pages; publicUrl: string },
): Promise<FastifyReply> => {
  const { url: route = "" } = request.routeOptions;
  const { token } = request.params as { token: string };
  const words = wordsFor(preferredLocale(request.headers["accept-language"]));
  const view = {
    language: words.language,
    title: words.say(ACKNOWLEDGE.test(route) ? "answer.fault" : "refused.title"),
    text: words.say(problem ? WHY[problem.problem] : "refused.bug"),
    address: null,
    link: (MAIL_CHOICE.test(route) ? unsubscribePage : partnerPage)(publicUrl, encodeURIComponent(token)),
    open: words.say("refused.open"),
  };
  if (problem) problemHeaders(reply, problem);
  const status = problem ? PROBLEMS[problem.problem].status : BUG_BODY.status;
  return sendPage(reply, pages, { name: "closed.html.liquid", view, status });
};
