import {
  installationPausedAt,
  pauseChange,
  pauseInstallation,
  resumeChange,
  resumeInstallation,
} from "../../ledger/installation.ts";
import type { HttpParts } from "../parts.ts";
import { changeParams, found, noSuch, type Server } from "../route.ts";
import { pause } from "../shapes/change.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["pause"];

const answer = (pausedAt: Date | null) => ({ paused: pausedAt !== null, pausedAt: pausedAt?.toISOString() ?? null });

export const pauseRoutes = (app: Server, { ledger }: HttpParts): void => {
  // The urgent connections: stopping must work while the routine lane is at its busiest.
  const sql = ledger.pools.urgent;
  const access = { access: "admin" } as const;

  app.get(
    "/v1/pause",
    {
      config: { access: "read" },
      schema: { tags, summary: "Whether all sending is held", response: { 200: pause, ...problems() } },
    },
    async () => answer(await installationPausedAt(sql)),
  );

  app.post(
    "/v1/pause",
    {
      config: access,
      schema: { tags, summary: "Hold all sending; what is due waits", response: { 200: pause, ...problems() } },
    },
    async () => answer(await pauseInstallation(sql)),
  );

  app.post(
    "/v1/resume",
    { config: access, schema: { tags, summary: "Send again", response: { 200: pause, ...problems() } } },
    async () => {
      await resumeInstallation(sql);
      return answer(null);
    },
  );

  const schema = { tags, params: changeParams, response: { 200: pause, ...problems("not-found") } };

  app.post(
    "/v1/changes/:change/pause",
    { config: access, schema: { ...schema, summary: "Hold the sending of one change; what is due waits" } },
    async ({ params }) => answer(found(await pauseChange(sql, params.change), "change", params.change)),
  );

  app.post(
    "/v1/changes/:change/resume",
    { config: access, schema: { ...schema, summary: "Send one change's notices again" } },
    async ({ params }) => {
      if (!(await resumeChange(sql, params.change))) throw noSuch("change", params.change);
      return answer(null);
    },
  );
};
