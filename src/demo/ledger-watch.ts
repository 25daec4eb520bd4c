import type { Ledger } from "../ledger/connection.ts";
import { CHANNELS, type Channel } from "../domain/category.ts";
import { DELIVERY_STATUSES, type DeliveryStatus } from "../domain/delivery.ts";

export type Counts = Record<Channel, Record<DeliveryStatus, number>>;

/** A notice and how far it is, as the ledger says. */
export type Progress = {
  id: string;
  change: string;
  kind: string;
  offset: string | null;
  lane: string;
  dueAt: Date;
  /** By the database's clock, which alone decides. */
  due: boolean;
  status: string;
  fannedOut: boolean;
  /** Some delivery is due, or soon tried again; false when all that waits is for its partner's own hour. */
  owing: boolean;
  /** When the last of its deliveries was sent; null while none was. */
  lastSentAt: Date | null;
  counts: Counts;
};

type Row = Omit<Progress, "counts"> & { channel: Channel | null; outcome: DeliveryStatus | null; count: number };

const zero = (): Counts => {
  const none = Object.fromEntries(DELIVERY_STATUSES.map((status) => [status, 0])) as Record<DeliveryStatus, number>;
  return Object.fromEntries(CHANNELS.map((channel) => [channel, { ...none }])) as Counts;
};

/** Every notice with its deliveries counted, in the order in which they are due. */
export const readProgress = async (ledger: Ledger): Promise<Progress[]> => {
  const { rows } = await ledger.pools.routine.query<Row>(`
    SELECT n.id, n.change, n.kind, n."offset", n.lane, n.due_at AS "dueAt", n.due_at <= now() AS due, n.status,
      n.fanned_out_at IS NOT NULL AS "fannedOut",
      EXISTS (SELECT FROM deliveries o WHERE o.notice = n.no AND o.status = 'waiting'
              AND o.due_at < now() + interval '10 minutes') AS owing, d.channel, d.status AS outcome, count(d.notice) AS count,
      max(d.sent_at) AS "lastSentAt"
    FROM notices n LEFT JOIN deliveries d ON d.notice = n.no
    GROUP BY n.no, d.channel, d.status
    ORDER BY n.due_at, n.no`);
  const notices = new Map<string, Progress>();
  for (const { channel, outcome, count, ...row } of rows) {
    const notice = notices.get(row.id) ?? { ...row, lastSentAt: null, counts: zero() };
    notices.set(row.id, notice);
    if (channel && outcome) notice.counts[channel][outcome] += count;
    if (row.lastSentAt && (!notice.lastSentAt || row.lastSentAt > notice.lastSentAt))
      notice.lastSentAt = row.lastSentAt;
  }
  return [...notices.values()];
};

/** Deliveries that the ledger knows, by what a receiver can know them by. */
export type Known = {
  notice: string;
  endpoint: number;
  channel: Channel;
  status: DeliveryStatus;
  due: boolean;
  attempts: number;
};

export const readDeliveries = async (ledger: Ledger): Promise<Known[]> => {
  const { rows } = await ledger.pools.routine.query<Known>(`
    SELECT n.id AS notice, d.endpoint, d.channel, d.status, d.due_at <= now() AS due, d.attempts
    FROM deliveries d JOIN notices n ON n.no = d.notice`);
  return rows;
};

/** Accepted revisions whose notices are not stored yet. */
export const countUnplanned = async (ledger: Ledger): Promise<number> => {
  const { rows } = await ledger.pools.routine.query<{ count: number }>(
    "SELECT count(*) AS count FROM revisions WHERE planned_at IS NULL",
  );
  return rows[0]?.count ?? 0;
};
