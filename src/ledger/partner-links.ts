import type { Channel } from "../domain/category.ts";
import type { DeliveryStatus } from "../domain/delivery.ts";
import type { NoticeKind } from "../domain/notice.ts";
import type { Sql } from "./connection.ts";

/** The epoch that a partner's links must be of; null when there is no such partner, or it has left. */
export const pageEpochOf = async (sql: Sql, partner: string): Promise<number | null> => {
  const { rows } = await sql.query<{ epoch: number }>(
    "SELECT page_epoch AS epoch FROM partners WHERE partner = $1 AND left_at IS NULL",
    [partner],
  );
  return rows[0]?.epoch ?? null;
};

/** Makes every link of a partner void, and answers the epoch of the next ones; null as above. */
export const revokeLinks = async (sql: Sql, partner: string): Promise<number | null> => {
  const { rows } = await sql.query<{ epoch: number }>(
    "UPDATE partners SET page_epoch = page_epoch + 1 WHERE partner = $1 AND left_at IS NULL RETURNING page_epoch AS epoch",
    [partner],
  );
  return rows[0]?.epoch ?? null;
};

/** A mail endpoint leaves or comes back by its own word; null when it is no live mail endpoint. */
export const setUnsubscribed = async (sql: Sql, endpoint: number, unsubscribed: boolean): Promise<boolean> => {
  const { rowCount } = await sql.query(
    `UPDATE endpoints SET status = $3, failing_since = NULL, exhausted = 0
     WHERE no = $1 AND channel = 'email' AND deleted_at IS NULL AND status = $2`,
    [endpoint, ...(unsubscribed ? ["active", "unsubscribed"] : ["unsubscribed", "active"])],
  );
  return rowCount === 1;
};

export type RecentDelivery = {
  endpoint: number;
  notice: string;
  kind: NoticeKind;
  change: string | null;
  channel: Channel;
  status: DeliveryStatus;
  reason: string | null;
  /** Its notice is said no more: superseded, cancelled, or followed by the word of a later revision. */
  ended: boolean;
  at: Date;
};

/** Notices that are looked through for a partner's own deliveries. */
const LOOKED_THROUGH = 500;

const ENDED = `(n.status IN ('superseded', 'cancelled') OR EXISTS (
  SELECT FROM notices later WHERE later.change = n.change AND later.revision > n.revision AND later.kind <> 'reminder'
    AND later.fan_out_started_at IS NOT NULL))`;

/** The newest deliveries to these endpoints, read off the primary key of the newest notices. */
export const recentDeliveries = async (
  sql: Sql,
  endpoints: readonly number[],
  limit: number,
): Promise<RecentDelivery[]> => {
  const { rows } = await sql.query<RecentDelivery>(
    `SELECT d.endpoint, n.id AS notice, n.kind, n.change, d.channel, d.status, d.reason, ${ENDED} AS ended, coalesce(d.sent_at, d.due_at) AS at
     FROM (SELECT no, id, kind, change, revision, status FROM notices
           WHERE status IN ('sending', 'done', 'superseded', 'cancelled') AND (only_endpoint IS NULL OR only_endpoint = ANY($1))
           ORDER BY no DESC LIMIT ${LOOKED_THROUGH}) n
     JOIN LATERAL (SELECT * FROM deliveries WHERE notice = n.no AND endpoint = ANY($1)) d ON true
     ORDER BY n.no DESC, d.endpoint LIMIT $2`,
    [endpoints, limit],
  );
  return rows;
};
