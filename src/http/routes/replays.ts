import { z } from "zod";
import { makeReplays } from "../../flow/replay.ts";
import { updateEndpoint } from "../../ledger/endpoints.ts";
import type { MissedNotice } from "../../ledger/replays.ts";
import type { HttpParts } from "../parts.ts";
import { endpointNumber, endpointParams, found, type Server } from "../route.ts";
import { instant } from "../shapes/fields.ts";
import { endpoint } from "../shapes/partner.ts";
import { problems } from "../shapes/problems.ts";
import { showEndpoint } from "./endpoints.ts";

const missedNotice = z
  .object({ notice: z.string(), change: z.string(), kind: z.string(), dueAt: instant })
  .meta({ id: "MissedNotice" });

const showMissed = ({ notice, change, kind, dueAt }: MissedNotice) => ({
  notice,
  change,
  kind,
  dueAt: dueAt.toISOString(),
});

const offer = z
  .object({ since: instant.nullable().describe("Give it to the replay"), notices: z.array(missedNotice) })
  .describe("What a replay would send");

const since = z.iso
  .datetime({ offset: true, error: "is not a time with an offset; example: 2027-03-01T09:00:00Z" })
  .transform((text) => new Date(text));

const EVER = new Date(0);

/** What an endpoint missed while it took nothing. */
export const replayRoutes = (app: Server, { ledger, log }: HttpParts): void => {
  const replays = makeReplays({ ledger, log });
  const tags = ["endpoints"];

  app.post(
    "/v1/endpoints/:endpoint/enable",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Put a disabled endpoint back; answers what it missed, for a replay",
        params: endpointParams,
        response: { 200: endpoint.extend({ offer }).meta({ id: "EnabledEndpoint" }), ...problems("not-found") },
      },
    },
    async ({ params }) => {
      const no = endpointNumber(params.endpoint);
      const row = found(
        await updateEndpoint(ledger.pools.routine, no, { status: "active" }),
        "endpoint",
        params.endpoint,
      );
      const notices = (await replays.missed(no, EVER)).map(showMissed);
      const oldest = notices.map((it) => it.dueAt).toSorted()[0] ?? null;
      return { ...showEndpoint(row), offer: { since: oldest, notices } };
    },
  );

  app.post(
    "/v1/endpoints/:endpoint/replay",
    {
      config: { access: "admin" },
      schema: {
        tags,
        summary: "Send the newest notice of each open change that an endpoint missed",
        params: endpointParams,
        body: z.strictObject({ since }),
        response: {
          202: z
            .object({ endpoint: z.string(), since: instant, notices: z.array(missedNotice) })
            .meta({ id: "EndpointReplay", description: "What is sent now" }),
          ...problems("malformed", "not-found", "conflict", "unsupported-media-type", "invalid"),
        },
      },
    },
    async ({ params, body }, reply) => {
      const sent = await replays.endpoint(endpointNumber(params.endpoint), body.since);
      return reply
        .code(202)
        .send({ endpoint: params.endpoint, since: body.since.toISOString(), notices: sent.map(showMissed) });
    },
  );
};
