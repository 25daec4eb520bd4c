import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, type Registry } from "prom-client";
import { CHANNELS, LANES } from "../domain/category.ts";
import type { Ledger } from "../ledger/connection.ts";
import { type Backlog, countBacklog, findPauses } from "../ledger/installation.ts";
import { countOverdue } from "../ledger/overdue.ts";
import { countUnreachable } from "../ledger/unreachable.ts";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** The process's own metrics, once per registry. */
export const watchProcess = (registry: Registry): void => {
  if (!registry.getSingleMetric("process_cpu_seconds_total")) collectDefaultMetrics({ register: registry });
};

/**
 * Gauges of what waits to be sent, and how to bring them up to date from the ledger; `forewarn_ledger_up` says whether
 * it could be read.
 */
export const watchBacklog = (registry: Registry, ledger: Ledger): (() => Promise<void>) => {
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const up = gauge("forewarn_ledger_up", "1 when the ledger could be read", []);
  const waiting = gauge("forewarn_deliveries_waiting", "Deliveries that wait", ["channel", "lane"]);
  const planned = gauge("forewarn_notices_planned", "Notices that are planned and not due yet", ["lane"]);
  const overdue = gauge(
    "forewarn_deliveries_overdue",
    "Deliveries that wait a minute or more after they were due, and that no pause holds",
    ["lane"],
  );
  const show = (backlog: Backlog): void => {
    for (const lane of LANES) {
      planned.set({ lane }, 0);
      overdue.set({ lane }, 0);
      for (const channel of CHANNELS) waiting.set({ channel, lane }, 0);
    }
    for (const { count, ...labels } of backlog.waiting) waiting.set(labels, count);
    for (const { count, ...labels } of backlog.planned) planned.set(labels, count);
    for (const { count, ...labels } of backlog.overdue) overdue.set(labels, count);
  };
  const late = gauge("forewarn_overdue", "What should have been moved on a minute ago and was not (to 1,000)", [
    "kind",
  ]);
  const unreachable = gauge(
    "forewarn_partners_unreachable",
    "Partners whom open changes concern and no endpoint of theirs reaches",
    [],
  );
  const paused = gauge("forewarn_paused", "1 while all sending is paused, emergencies too", []);
  const pausedChanges = gauge("forewarn_paused_changes", "Changes that are paused by themselves (to 1,000)", []);
  return async () => {
    try {
      const { pausedAt, changes } = await findPauses(ledger.pools.routine);
      paused.set(pausedAt === null ? 0 : 1);
      pausedChanges.set(changes.length);
      show(await countBacklog(ledger.pools.routine));
      for (const [kind, count] of Object.entries(await countOverdue(ledger.pools.routine))) late.set({ kind }, count);
      unreachable.set(await countUnreachable(ledger.pools.routine));
      up.set(1);
    } catch {
      // Old figures would look like good ones.
      for (const stale of [waiting, planned, overdue, late, unreachable, paused, pausedChanges]) stale.reset();
      up.set(0);
    }
  };
};

/** Measures every request by method, route and status. */
export const watchRequests = (app: FastifyInstance, registry: Registry): void => {
  const durations = new Histogram({
    name: "forewarn_http_request_seconds",
    help: "How long requests took",
    labelNames: ["method", "route", "status"],
    buckets: SECONDS,
    registers: [registry],
  });
  app.addHook("onResponse", async (request, reply) => {
    // The route's pattern, never the address: ids would make a series each.
    const route = request.routeOptions.url ?? "none";
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
};
