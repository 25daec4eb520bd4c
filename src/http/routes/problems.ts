import { z } from "zod";
import { PROBLEMS, type ProblemName } from "../../errors.ts";
import type { Pages } from "../../pages/pages.ts";
import { sendPage } from "../html.ts";
import type { HttpParts } from "../parts.ts";
import { noSuch, type Server } from "../route.ts";

/** What each problem means and what to do about it. */
const MEANINGS: Record<ProblemName, string> = {
  malformed:
    "The request cannot be read: its body is no JSON, is empty, is nested too deep, or a header is garbled. Correct its form and send it again.",
  unauthorized:
    "The request carries no API key, or one that is not known or was revoked. Send the header “Authorization: Bearer fw_…” with a key that an administrator made.",
  forbidden:
    "The API key is good, but lacks the scope that this call needs. Use a key with that scope; “admin” includes all.",
  "not-found": "What the address names does not exist, or no longer does. Check the id.",
  conflict:
    "The request contradicts what is recorded: an id that is taken, the same event id with another body, or something still in use. The detail says which.",
  "too-large":
    "The body is larger than this call takes: 64 KiB for an event, 100 events for a batch. Send less at once.",
  "unsupported-media-type": "This call does not read that content type. The documentation names those that it does.",
  invalid:
    "The request can be read, but some of its fields do not hold. “errors” names each field, what is wrong and what to do.",
  "rate-limited": "There were too many requests in too short a time. Wait for as long as “Retry-After” says.",
  unavailable:
    "The ledger or the queue cannot be reached at the moment. Nothing was recorded; send the same request again after “Retry-After”.",
};

const isProblem = (name: string): name is ProblemName => Object.hasOwn(PROBLEMS, name);

export const problemRoutes = (app: Server, { config }: HttpParts, pages: Pages): void => {
  app.get(
    "/problems/:name",
    { config: { access: "public" }, schema: { hide: true, params: z.object({ name: z.string().max(64) }) } },
    async ({ params: { name } }, reply) => {
      if (!isProblem(name)) throw noSuch("problem", name);
      const view = { name, ...PROBLEMS[name], meaning: MEANINGS[name], docs: `${config.publicUrl}/docs` };
      return sendPage(reply, pages, { name: "problem.html.liquid", view });
    },
  );
};
