import { Counter, type Registry } from "prom-client";

const NAMES = { found: "forewarn_reconciled_total", runs: "forewarn_reconciles_total" } as const;

/** What reconciling put back on the queue. */
export type Reconciled = { plans: number; notices: number; chunks: number };

/** Counts what reconciling put back; asked again for the same registry, it goes on counting. */
export const makeReconcileMetrics = (registry: Registry): ((back: Reconciled, cause: string) => void) => {
  const counter = <L extends string>(name: string, help: string, labelNames: L[]): Counter<L> =>
    (registry.getSingleMetric(name) as Counter<L> | undefined) ??
    new Counter({ name, help, labelNames, registers: [registry] });
  const found = counter(NAMES.found, "Jobs that were missing on the queue and were put back", ["kind"]);
  const runs = counter(NAMES.runs, "How often the ledger was compared with the queue", ["cause"]);
  return (back, cause) => {
    runs.inc({ cause });
    for (const [kind, count] of Object.entries(back)) found.inc({ kind }, count);
  };
};
