import { showPauses } from "../../flow/show-pauses.ts";
import { pauseChange, pauseInstallation, resumeChange, resumeInstallation } from "../../ledger/installation.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, found, noSuch, type Server } from "../route.ts";
import { pause, pauses } from "../shapes/change.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["pause"];

const answer = (pausedAt: Date | null) => ({ paused: pausedAt !== null, pausedAt: pausedAt?.toISOString() ?? null });

export const pauseRoutes = (app: Server, { ledger, log }: HttpParts): void => {
  // The urgent connections: stopping must work while the routine lane is at its busiest.
  const sql = ledger.pools.urgent;
  const access = { access: "admin" } as const;

  app.get(
    "/v1/pause",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "What is held, of all sending or of single changes",
        response: { 200: pauses, ...problems() },
      },
    },
    async () => showPauses(ledger),
  );

  app.post(
    "/v1/pause",
    {
      config: access,
      schema: { tags, summary: "Hold all sending; what is due waits", response: { 200: pause, ...problems() } },
    },
    async () => {
      const pausedAt = await pauseInstallation(sql);
      log.warn({ pausedAt }, "all sending is paused, emergencies too");
      return answer(pausedAt);
    },
  );

  app.post(
    "/v1/resume",
    { config: access, schema: { tags, summary: "Send again", response: { 200: pause, ...problems() } } },
    async () => {
      await resumeInstallation(sql);
      log.info("sending goes on");
      return answer(null);
    },
  );

  const schema = { tags, params: changeParams, response: { 200: pause, ...problems("not-found") } };

  app.post(
    "/v1/changes/:change/pause",
    { config: access, schema: { ...schema, summary: "Hold the sending of one change; what is due waits" } },
    async ({ params: { change } }) => {
      const pausedAt = found(await pauseChange(sql, change), "change", change);
      log.warn({ change, pausedAt }, "a change is paused: nothing of it is sent");
      return answer(pausedAt);
    },
  );

  app.post(
    "/v1/changes/:change/resume",
    { config: access, schema: { ...schema, summary: "Send one change's notices again" } },
    async ({ params: { change } }) => {
      if (!(await resumeChange(sql, change))) throw noSuch("change", change);
      log.info({ change }, "sending of a change goes on");
      return answer(null);
    },
  );
};
