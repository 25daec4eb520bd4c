import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { addressOf, ConfigError } from "../config.ts";
import { watchProcess } from "../http/metrics.ts";
import type { Parts, Running } from "./parts.ts";

type Page = { status: number; type: string; body: string };
const JSON_TYPE = "application/json; charset=utf-8";
const TEXT_TYPE = "text/plain; charset=utf-8";
const HEALTHY: Page = { status: 200, type: JSON_TYPE, body: '{"status":"ok"}' };
const UNKNOWN: Page = { status: 404, type: TEXT_TYPE, body: "Only /metrics and /healthz are here.\n" };
const UNREAD: Page = { status: 500, type: TEXT_TYPE, body: "The metrics could not be read; the log says why.\n" };
const REFUSED: Page = { status: 405, type: TEXT_TYPE, body: "Only GET is answered here.\n" };

const give = (answer: ServerResponse, { status, type, body }: Page): void => {
  answer.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
};

type ListenerParts = Pick<Parts, "registry" | "log"> & {
  config: Pick<Parts["config"], "metricsHost" | "metricsPort">;
};

/**
 * Serves `GET /metrics` and `GET /healthz` of a worker that is a process of its own; without a port it does nothing.
 *
 * `refresh` brings up to date, at each scrape, what is looked up rather than counted. Throws ConfigError when nothing can
 * listen there.
 */
export const startMetricsListener = async (
  { config, registry, log }: ListenerParts,
  refresh: () => Promise<void>,
): Promise<Running> => {
  const { metricsHost: host, metricsPort: port } = config;
  if (port === undefined) return { stop: () => Promise.resolve() };
  watchProcess(registry);
  const pages: Readonly<Record<string, () => Page | Promise<Page>>> = {
    "/healthz": () => HEALTHY,
    "/metrics": async () => {
      await refresh();
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    },
  };
  const find = async (method: string | undefined, path: string): Promise<Page> => {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) return UNKNOWN;
    if (method !== "GET" && method !== "HEAD") return REFUSED;
    try {
      return await page();
    } catch (error) {
      log.error({ err: error }, "the metrics could not be read");
      return UNREAD;
    }
  };
  const server = createServer((request, answer) => {
    const [path = ""] = (request.url ?? "").split("?");
    void find(request.method, path).then((page) => give(answer, page));
  });
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new ConfigError([
      {
        path: "FOREWARN_METRICS_PORT",
        message: `cannot be listened on (${words}); give each worker a port of its own`,
      },
    ]);
  }
  log.info({ listening: addressOf(host, (server.address() as AddressInfo).port) }, "metrics are served");
  return {
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
