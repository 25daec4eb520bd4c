import type { Channel } from "../domain/category.ts";
import { endpointId } from "../domain/delivery.ts";
import { type Ailment, diagnose, type HealthReport, reportsOf, type Sign } from "../domain/endpoint-health.ts";
import type { Policy } from "../domain/policy.ts";
import type { Sql } from "../ledger/connection.ts";
import { closeEndpoints } from "../ledger/deliveries.ts";
import {
  type HealthRow,
  insertDisabledNotice,
  lastSentSince,
  lockHealth,
  recordHealth,
  skipWaitingOf,
} from "../ledger/endpoint-health.ts";

/** An endpoint that was disabled, for the log once it is committed. */
export type DisabledEndpoint = {
  endpoint: string;
  partner: string;
  why: Ailment;
  notice: string;
  /** Mail endpoints that are told. */
  told: number;
  /** Deliveries that waited and are skipped. */
  skipped: number;
};

/** Judges endpoints by what their deliveries came to, in the transaction that settles them. */
export type JudgeEndpoints = (sql: Sql, signs: readonly Sign[]) => Promise<DisabledEndpoint[]>;

const LONGEST_ERROR = 200;

const minute = (at: Date): string => `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** Said after the endpoint's address in the notice to its partner. */
const REASONS: Record<Ailment, (since: Date, error: string) => string> = {
  gone: (since, error) => `it answered on ${minute(since)} that it wants no more (${error})`,
  exhausted: (since, error) =>
    `it has failed since ${minute(since)}, and two notices in a row used up their attempts; what came back last: ${error}`,
};

/**
 * Health is watched of webhooks: an endpoint that keeps failing, or answers 410, is disabled, what waits for it is
 * skipped, and its partner's mail endpoints are told once, all in the caller's transaction. Of mail endpoints only a
 * refused address counts, for what else fails there is mostly the relay's.
 */
export const makeJudgeEndpoints = ({
  channel,
  policy,
}: {
  channel: Channel;
  policy: Pick<Policy, "disableAfter">;
}): JudgeEndpoints => {
  const judge = async (sql: Sql, row: HealthRow, report: HealthReport): Promise<DisabledEndpoint | null> => {
    const facts = { now: row.now, disableAfter: policy.disableAfter };
    const diagnosis = diagnose(row, report, facts);
    const { disable } = diagnosis;
    const since = diagnosis.failingSince ?? row.now;
    if (disable === "exhausted" && (await lastSentSince(sql, row.no, since)) !== null) {
      // A success that another process settled meanwhile: this failure is the first one after it.
      await recordHealth(sql, row.no, diagnose({ failingSince: null, exhausted: 0 }, report, facts), "active");
      return null;
    }
    const isNew = diagnosis.failingSince?.getTime() !== row.failingSince?.getTime();
    if (disable || isNew || diagnosis.exhausted !== row.exhausted)
      await recordHealth(sql, row.no, diagnosis, disable ? "disabled" : "active");
    if (!disable) return null;
    const reason = REASONS[disable](since, (report.error ?? "nothing").slice(0, LONGEST_ERROR));
    const skipped = await skipWaitingOf(sql, row.no);
    const { id: notice, told } = await insertDisabledNotice(sql, { endpoint: row.no, reason });
    return { endpoint: endpointId(row.no), partner: row.partner, why: disable, notice, told, skipped };
  };

  return async (sql, signs) => {
    const reports = new Map(reportsOf(signs).map((report) => [report.endpoint, report]));
    const refused = [...reports.values()].flatMap(({ fate, endpoint }) => (fate === "bounced" ? [endpoint] : []));
    if (refused.length > 0) await closeEndpoints(sql, refused, "bounced");
    const disabled: DisabledEndpoint[] = [];
    if (channel === "email" || reports.size === 0) return disabled;
    for (const row of await lockHealth(sql, [...reports.keys()])) {
      const report = reports.get(row.no);
      const end = report ? await judge(sql, row, report) : null;
      if (end) disabled.push(end);
    }
    return disabled;
  };
};
