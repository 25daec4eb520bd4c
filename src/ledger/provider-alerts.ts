import type { Channel } from "../domain/category.ts";
import type { ProviderAlert } from "../domain/provider-alert.ts";
import type { Sql } from "./connection.ts";

/** An alert on its way by one channel. */
export type DueAlert = ProviderAlert & { no: number; attempts: number; createdAt: Date };

/**
 * Writes an alert to the provider's contact into the caller's transaction, a row per channel; answers the channels to
 * which the fact is new.
 */
export const insertProviderAlert = async (
  sql: Sql,
  { kind, change, subject, body, facts, dedupe }: ProviderAlert,
  channels: readonly Channel[],
): Promise<Channel[]> => {
  const { rows } = await sql.query<{ channel: Channel }>(
    `INSERT INTO provider_alerts (channel, kind, change, subject, body, facts, dedupe)
     SELECT channel, $2, $3, $4, $5, $6, $7 FROM unnest($1::text[]) AS channel
     ON CONFLICT (dedupe, channel) DO NOTHING RETURNING channel`,
    [channels, kind, change, subject, body, JSON.stringify(facts), dedupe],
  );
  return rows.map(({ channel }) => channel);
};

/** Takes a channel's first that is due for `leaseMs`: nobody else sends it meanwhile, and when this process dies it is due again. */
export const takeProviderAlert = async (sql: Sql, channel: Channel, leaseMs: number): Promise<DueAlert | null> => {
  const { rows } = await sql.query<DueAlert>(
    `UPDATE provider_alerts SET due_at = now() + $2 * interval '1 millisecond'
     WHERE no = (SELECT no FROM provider_alerts WHERE channel = $1 AND status = 'waiting' AND due_at <= now()
                 ORDER BY due_at, no LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING no, kind, change, subject, body, facts, dedupe, attempts, created_at AS "createdAt"`,
    [channel, leaseMs],
  );
  return rows[0] ?? null;
};

/** `error` is null once it is sent. */
export const endProviderAlert = async (
  sql: Sql,
  no: number,
  end: { status: "sent" | "refused"; error: string | null },
): Promise<void> => {
  await sql.query(
    `UPDATE provider_alerts SET status = $2, error = $3, ended_at = now(), attempts = least(attempts + 1, 1000)
     WHERE no = $1 AND status <> 'sent'`,
    [no, end.status, end.error],
  );
};

/** Puts an alert back for `delayMs`; `counted`: it was an attempt that the other side could see. */
export const postponeProviderAlert = async (
  sql: Sql,
  no: number,
  { delayMs, error, counted }: { delayMs: number; error: string; counted: boolean },
): Promise<void> => {
  await sql.query(
    `UPDATE provider_alerts SET due_at = now() + $2 * interval '1 millisecond', error = $3, attempts = least(attempts + $4::int, 1000)
     WHERE no = $1 AND status = 'waiting'`,
    [no, delayMs, error, counted ? 1 : 0],
  );
};

/** How many alerts wait although they were tried, to a thousand, and why the first of them could not be told. */
export const failingAlerts = async (sql: Sql): Promise<{ count: number; fault: string | null }> => {
  const { rows } = await sql.query<{ count: number; fault: string | null }>(
    `SELECT count(*)::int AS count, (array_agg(channel || ': ' || error ORDER BY no))[1] AS fault
     FROM (SELECT no, channel, error FROM provider_alerts WHERE status = 'waiting' AND attempts > 0 LIMIT 1000) AS failing`,
  );
  return rows[0] ?? { count: 0, fault: null };
};
