import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Channel, Lane } from "../domain/category.ts";
import type { Settler } from "../flow/settle.ts";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];

/** What a sender's lanes show, per channel and lane. */
export type SenderMetrics = {
  /** The same settler, counted. `sending` says how many sends of the lane have begun and not ended. */
  watch(where: { channel: Channel; lane: Lane; settler: Settler; sending: () => number }): Settler;
};

/** What one lane has counted: plain numbers, for prom-client's own counting would take 4 µs of each delivery's 100. */
type Place = {
  channel: Channel;
  lane: Lane;
  inFlight: () => number;
  /** By status. */
  settled: Record<string, number>;
  /** Attempts that took up to SECONDS[i], beyond the last in the end; not cumulative. */
  took: number[];
  seconds: number;
};

/** Measures of each registry once, whichever channel asks first. */
const measured = new WeakMap<Registry, SenderMetrics>();

/** What prom-client prints of a histogram: each bucket holds those before it too. */
const histogramOf = (name: string, { channel, lane, took, seconds }: Place) => {
  let count = 0;
  const buckets = took.map((more, at) => {
    count += more;
    return { metricName: `${name}_bucket`, labels: { channel, lane, le: SECONDS[at] ?? "+Inf" }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { channel, lane }, value: seconds },
    { metricName: `${name}_count`, labels: { channel, lane }, value: count },
  ];
};

const makeSenderMetrics = (registry: Registry): SenderMetrics => {
  const labelNames = ["channel", "lane"] as const;
  const places: Place[] = [];
  registry.registerMetric(
    new Counter({
      name: "forewarn_settled_total",
      help: "Deliveries that this process settled, by what became of them; waiting is a retry, or one put off",
      labelNames: [...labelNames, "status"] as const,
      registers: [],
      collect() {
        this.reset();
        for (const { channel, lane, settled } of places)
          for (const [status, count] of Object.entries(settled)) this.inc({ channel, lane, status }, count);
      },
    }),
  );
  const attempts = { name: "forewarn_attempt_seconds", help: "How long attempts took, whatever came of them" };
  const shown = () =>
    Promise.resolve({
      ...attempts,
      type: "histogram",
      aggregator: "sum" as const,
      values: places.flatMap((place) => histogramOf(attempts.name, place)),
    });
  // The registry prints by the second, others read by the first; a histogram's own counts stay empty.
  Object.assign(new Histogram({ ...attempts, labelNames, buckets: SECONDS, registers: [registry] }), {
    get: shown,
    getForPromString: shown,
  });
  registry.registerMetric(
    new Gauge({
      name: "forewarn_in_flight",
      help: "Deliveries begun and not committed: the most that a kill of this process could repeat",
      labelNames,
      registers: [],
      collect() {
        for (const { channel, lane, inFlight } of places) this.set({ channel, lane }, inFlight());
      },
    }),
  );
  return {
    watch: ({ channel, lane, settler, sending }) => {
      const place: Place = {
        channel,
        lane,
        inFlight: () => sending() + settler.pending(),
        settled: {},
        took: Array.from({ length: SECONDS.length + 1 }, () => 0),
        seconds: 0,
      };
      places.push(place);
      return {
        ...settler,
        add: (one) => {
          const { status, counted } = one.settlement;
          place.settled[status] = (place.settled[status] ?? 0) + 1;
          // What was skipped or put off was never tried.
          if (counted) {
            const seconds = one.ms / 1_000;
            const at = SECONDS.findIndex((most) => seconds <= most);
            const bucket = at < 0 ? SECONDS.length : at;
            place.took[bucket] = (place.took[bucket] ?? 0) + 1;
            place.seconds += seconds;
          }
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
