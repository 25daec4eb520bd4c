import { elapsedMs } from "./duration.ts";
import type { IsoDuration } from "./duration.ts";
import type { Settlement } from "./settlement.ts";

/** What a delivery's settlement may say of its endpoint. */
export type Sign = {
  endpoint: number;
  settlement: Pick<Settlement, "status" | "reason" | "counted" | "error" | "endpoint">;
};

/** What a batch of settlements says of one endpoint. */
export type HealthReport = {
  endpoint: number;
  /** Something was sent: what failed before it counts no more. */
  recovered: boolean;
  /** An attempt failed, after that. */
  failed: boolean;
  /** Deliveries that used up their retries, after that. */
  exhausted: number;
  /** It refused for good: everything (`disabled`, 410), or the address is none (`bounced`). */
  fate: Settlement["endpoint"];
  /** What came back last from a failure. */
  error: string | null;
};

/** An endpoint's record of failures. */
export type Health = { failingSince: Date | null; exhausted: number };

/** `gone`: it said so itself; `exhausted`: it kept failing. */
export type Ailment = "gone" | "exhausted";
export type Diagnosis = Health & { disable: Ailment | null };

/** So many deliveries in a row that used up their retries. */
const EXHAUSTED_LIMIT = 2;

const isFailure = ({ counted, status }: Sign["settlement"]): boolean =>
  counted && (status === "waiting" || status === "failed");

/** One report per endpoint, by number so that all processes lock in the same order; what says nothing of health is left out. */
export const reportsOf = (signs: readonly Sign[]): HealthReport[] => {
  const reports = new Map<number, HealthReport>();
  const blank = { recovered: false, failed: false, exhausted: 0, fate: null, error: null } as const;
  for (const { endpoint, settlement } of signs) {
    const before = reports.get(endpoint) ?? { endpoint, ...blank };
    if (settlement.status === "sent") reports.set(endpoint, { endpoint, ...blank, recovered: true });
    else if (isFailure(settlement))
      reports.set(endpoint, {
        ...before,
        failed: true,
        exhausted: before.exhausted + (settlement.reason === "retries-used-up" ? 1 : 0),
        fate: settlement.endpoint ?? before.fate,
        error: settlement.error,
      });
  }
  return [...reports.values()].toSorted((a, b) => a.endpoint - b.endpoint);
};

/**
 * The record after a report, and whether the endpoint is to be disabled: at once when it answered 410, otherwise when two
 * successive deliveries used up their retries and the first failure is at least `disableAfter` ago (DESIGN, section 8).
 *
 * @example diagnose({ failingSince: null, exhausted: 1 }, recovered, { now, disableAfter: "P5D" }) // { failingSince: null, exhausted: 0, disable: null }
 */
export const diagnose = (
  health: Health,
  report: Omit<HealthReport, "endpoint" | "error">,
  { now, disableAfter }: { now: Date; disableAfter: IsoDuration },
): Diagnosis => {
  const before: Health = report.recovered ? { failingSince: null, exhausted: 0 } : health;
  if (!report.failed) return { ...before, disable: null };
  const failingSince = before.failingSince ?? now;
  const exhausted = Math.min(before.exhausted + report.exhausted, EXHAUSTED_LIMIT);
  const long = now.getTime() - failingSince.getTime() >= elapsedMs(disableAfter);
  const spent = exhausted >= EXHAUSTED_LIMIT && long ? "exhausted" : null;
  return { failingSince, exhausted, disable: report.fate === "disabled" ? "gone" : spent };
};
