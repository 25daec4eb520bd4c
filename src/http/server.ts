import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from "fastify";
import { serializerCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import helmet from "helmet";
import { Registry } from "prom-client";
import { Problem } from "../errors.ts";
import { findKeyByHash } from "../ledger/keys.ts";
import { makePages, type Pages } from "../pages/pages.ts";
import { type Mailbox, readMailbox } from "../render/mail-mime.ts";
import { makeStreak } from "../streak.ts";
import { VERSION } from "../version.ts";
import { documentationRoutes, registerDocumentation } from "./documentation.ts";
import { parseJson } from "./json-body.ts";
import { makeAuthorize } from "./keys.ts";
import { BYTES } from "./limits.ts";
import { type LiveKeys, makeLiveKeys } from "./live-keys.ts";
import { watchRequests } from "./metrics.ts";
import type { HttpParts } from "./parts.ts";
import { BUG_BODY, PROBLEM_TYPE, problemOf, sendProblem } from "./problem.ts";
import type { Server } from "./route.ts";
import { isPageForm, sendRefused } from "./refused-form.ts";
import { acknowledgementRoutes } from "./routes/acknowledgements.ts";
import { bounceRoutes } from "./routes/bounces.ts";
import { changeRoutes } from "./routes/changes.ts";
import { deliveryRoutes } from "./routes/deliveries.ts";
import { drillRoutes } from "./routes/drill.ts";
import { endpointRoutes } from "./routes/endpoints.ts";
import { eventRoutes, readEventTypes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { keyRoutes } from "./routes/keys.ts";
import { metricsRoutes } from "./routes/metrics.ts";
import { partnerImportRoutes } from "./routes/partner-import.ts";
import { partnerLinkRoutes } from "./routes/partner-links.ts";
import { partnerRoutes } from "./routes/partners.ts";
import { pauseRoutes } from "./routes/pause.ts";
import { problemRoutes } from "./routes/problems.ts";
import { proofRoutes } from "./routes/proof.ts";
import { sealRoutes } from "./routes/seals.ts";
import { replayRoutes } from "./routes/replays.ts";
import { serviceRoutes } from "./routes/services.ts";
import { siteRoutes } from "./routes/site.ts";
import { waiverRoutes } from "./routes/waivers.ts";
import { zodValidator } from "./validate.ts";

/** A whole request, upload included; an import of 100,000 partners takes some ten seconds. */
const REQUEST_TIMEOUT_MS = 10 * 60_000;
/** The longest id in an address is a page's token. */
const MAX_PARAM_LENGTH = 500;

/** Every refusal and every bug: as RFC 9457 says it to programs, as a page to whoever pressed a button of a page. */
const answerFaults = (app: FastifyInstance, { config, outages, log }: HttpParts, pages: Pages): void => {
  const streak = makeStreak();
  // What is public, such as /healthz, answers without the ledger.
  app.addHook("onResponse", async ({ routeOptions }, { statusCode }) => {
    if (statusCode < 300 && routeOptions.config.access !== "public") streak.worked();
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request);
    const { method } = request;
    const route = request.routeOptions.url;
    if (problem) {
      if (problem.problem === "unavailable" && !outages.explain(error, "requests"))
        log[streak.failed(error) ? "warn" : "debug"]({ err: error, method, route }, "a part cannot be reached");
    } else log.error({ err: error, method, route }, "a request met a bug");
    if (isPageForm(request)) return sendRefused(request, reply, { problem, pages, publicUrl: config.publicUrl });
    if (problem) return sendProblem(reply, problem, config.publicUrl);
    return reply.code(BUG_BODY.status).type(PROBLEM_TYPE).serializer(JSON.stringify).send(BUG_BODY);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new Problem(
        "not-found",
        `there is no ${request.method} ${request.url.split("?")[0]} here; see ${config.publicUrl}/docs`,
      ),
      config.publicUrl,
    ),
  );
};

/**
 * The headers that keep browsers from harm. Without the plugin of Fastify's: for each request it makes the headers' functions anew and
 * hangs a closure on the reply, which V8 then moved to the old generation with all that it refers to (docs/performance.md).
 */
const protectBrowsers = (app: FastifyInstance, publicUrl: string): void => {
  const setHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    frameguard: { action: "deny" },
    referrerPolicy: { policy: "no-referrer" },
    hsts: publicUrl.startsWith("https:"),
  });
  // It sets them before it returns, and throws what goes wrong.
  app.addHook("onRequest", async (request, reply) => setHeaders(request.raw, reply.raw, () => undefined));
};

/** Parsers belong to the part of the server that needs them: events and imports read their bodies their own way. */
const registerRoutes = (
  app: Server,
  parts: HttpParts,
  {
    pages,
    organizer,
    registry,
    liveKeys,
  }: { pages: Pages; organizer: Mailbox; registry: Registry; liveKeys: LiveKeys },
): void => {
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  );
  healthRoutes(app, parts);
  metricsRoutes(app, parts, registry);
  documentationRoutes(app);
  problemRoutes(app, parts, pages);
  changeRoutes(app, parts);
  deliveryRoutes(app, parts);
  serviceRoutes(app, parts);
  partnerRoutes(app, parts);
  partnerLinkRoutes(app, parts);
  endpointRoutes(app, parts);
  replayRoutes(app, parts);
  keyRoutes(app, parts, liveKeys);
  pauseRoutes(app, parts);
  drillRoutes(app, parts);
  proofRoutes(app, parts, pages);
  acknowledgementRoutes(app, parts);
  waiverRoutes(app, parts);
  sealRoutes(app, parts);
  app.register(async (scope) => siteRoutes(scope.withTypeProvider<ZodTypeProvider>(), parts, { pages, organizer }));
  app.register(async (scope) => {
    const events = scope.withTypeProvider<ZodTypeProvider>();
    readEventTypes(events);
    eventRoutes(events, parts);
  });
  app.register(async (scope) => bounceRoutes(scope.withTypeProvider<ZodTypeProvider>(), parts));
  app.register(async (scope) => partnerImportRoutes(scope.withTypeProvider<ZodTypeProvider>(), parts));
};

/** The HTTP API and the public pages; listens to nothing until told. */
export const makeServer = async (parts: HttpParts): Promise<FastifyInstance> => {
  const registry = parts.registry ?? new Registry();
  const { mailFrom, publicUrl, templatesFolder } = parts.config;
  const organizer = readMailbox(mailFrom);
  if (!organizer) throw new Error(`MAIL_FROM is not a sender: ${mailFrom}`);
  const pages = makePages({ folder: templatesFolder, brand: organizer.name || organizer.address, publicUrl });
  const loggerInstance: FastifyBaseLogger = parts.log;
  const app: Server = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BYTES.body,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(zodValidator);
  app.setSerializerCompiler(serializerCompiler);
  answerFaults(app, parts, pages);
  watchRequests(app, registry);
  if (parts.onRoute) app.addHook("onRoute", parts.onRoute);

  protectBrowsers(app, parts.config.publicUrl);
  await app.register(rateLimit, { global: false, cache: 10_000 });
  const liveKeys = makeLiveKeys({ look: (hash) => findKeyByHash(parts.ledger.pools.urgent, hash) });
  app.addHook("onRequest", makeAuthorize(app, { liveKeys, limits: parts.limits }));
  await registerDocumentation(app, parts.config.publicUrl, VERSION);
  registerRoutes(app, parts, { pages, organizer, registry, liveKeys });
  return app;
};
