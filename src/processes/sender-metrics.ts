import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Channel, Lane } from "../domain/category.ts";
import type { Settler } from "../flow/settle.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];

/** What a sender's lanes show, per channel and lane. */
export type SenderMetrics = {
  /** The same settler, counted. `sending` says how many sends of the lane have begun and not ended. */
  watch(where: { channel: Channel; lane: Lane; settler: Settler; sending: () => number }): Settler;
};

type Place = { channel: Channel; lane: Lane; inFlight: () => number };

/** Measures of each registry once, whichever channel asks first. */
const measured = new WeakMap<Registry, SenderMetrics>();

const makeSenderMetrics = (registry: Registry): SenderMetrics => {
  const labelNames = ["channel", "lane"] as const;
  const places: Place[] = [];
  const settled = new Counter({
    name: "forewarn_settled_total",
    help: "Deliveries that this process settled, by what became of them; waiting is a retry, or one put off",
    labelNames: [...labelNames, "status"] as const,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "forewarn_attempt_seconds",
    help: "How long attempts took, whatever came of them",
    labelNames,
    buckets: SECONDS,
    registers: [registry],
  });
  registry.registerMetric(
    new Gauge({
      name: "forewarn_in_flight",
      help: "Deliveries begun and not committed: the most that a kill of this process could repeat",
      labelNames,
      registers: [],
      collect() {
        for (const { inFlight, ...place } of places) this.set(place, inFlight());
      },
    }),
  );
  return {
    watch: ({ channel, lane, settler, sending }) => {
      places.push({ channel, lane, inFlight: () => sending() + settler.pending() });
      const took = seconds.labels({ channel, lane });
      return {
        ...settler,
        add: (one) => {
          const { status, counted } = one.settlement;
          settled.inc({ channel, lane, status });
          // What was skipped or put off was never tried.
          if (counted) took.observe(one.ms / 1_000);
          settler.add(one);
        },
      };
    },
  };
};

export const senderMetricsOf = (registry: Registry): SenderMetrics => {
  const metrics = measured.get(registry) ?? makeSenderMetrics(registry);
  measured.set(registry, metrics);
  return metrics;
};
