import type { Channel, Lane } from "../domain/category.ts";
import { type DeliveryStatus, endpointNo } from "../domain/delivery.ts";
import type { Sql } from "./connection.ts";

export type DeliveryView = {
  noticeNo: number;
  endpoint: number;
  notice: string;
  /** Null for notices to a partner about itself. */
  change: string | null;
  partner: string;
  channel: Channel;
  lane: Lane;
  status: DeliveryStatus;
  reason: string | null;
  dueAt: Date;
  sentAt: Date | null;
  attempts: number;
};

export type DeliveryFilter = {
  status?: string | undefined;
  channel?: string | undefined;
  partner?: string | undefined;
};

/** Deliveries go by notice, then by endpoint: the primary key. */
export type DeliveryKey = { notice: number; endpoint: number };

const COLUMNS = `n.no AS "noticeNo", d.endpoint, n.id AS notice, n.change, e.partner, d.channel, d.lane, d.status,
  d.reason, d.due_at AS "dueAt", d.sent_at AS "sentAt", d.attempts`;

/** Endpoints that a partner ever had: their deliveries stay, also once they are deleted. */
const endpointsEver = async (sql: Sql, partner: string): Promise<number[]> => {
  const { rows } = await sql.query<{ no: number }>("SELECT no FROM endpoints WHERE partner = $1", [partner]);
  return rows.map((row) => row.no);
};

/**
 * Deliveries of a change after `after`.
 *
 * Each notice contributes at most a page, read off the primary key, so that the cost does not grow with the partners.
 */
export const listDeliveries = async (
  sql: Sql,
  change: string,
  filter: DeliveryFilter,
  page: { after: DeliveryKey; limit: number },
): Promise<DeliveryView[]> => {
  const only = filter.partner === undefined ? null : await endpointsEver(sql, filter.partner);
  const { rows } = await sql.query<DeliveryView>(
    `SELECT ${COLUMNS} FROM (SELECT no, id, change FROM notices WHERE change = $1 AND no >= $2 ORDER BY no) n
     CROSS JOIN LATERAL (
       SELECT * FROM deliveries
       WHERE notice = n.no AND endpoint > CASE WHEN n.no = $2 THEN $3::int8 ELSE 0 END
         AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR channel = $5)
         AND ($6::int8[] IS NULL OR endpoint = ANY($6))
       ORDER BY endpoint LIMIT $7) d
     JOIN endpoints e ON e.no = d.endpoint
     ORDER BY n.no, d.endpoint LIMIT $7`,
    [change, page.after.notice, page.after.endpoint, filter.status, filter.channel, only, page.limit],
  );
  return rows;
};

export type AttemptView = { at: Date; ms: number; code: number | null; error: string | null; answer: string | null };

/** One delivery by its public id, `<notice id>.ep_<no>`, with every attempt; null when there is none. */
export const findDelivery = async (
  sql: Sql,
  id: string,
): Promise<{ delivery: DeliveryView; attempts: AttemptView[] } | null> => {
  const cut = id.lastIndexOf(".");
  const endpoint = endpointNo(id.slice(cut + 1));
  if (cut < 1 || endpoint === null) return null;
  const { rows } = await sql.query<DeliveryView>(
    `SELECT ${COLUMNS} FROM notices n JOIN deliveries d ON d.notice = n.no JOIN endpoints e ON e.no = d.endpoint
     WHERE n.id = $1 AND d.endpoint = $2`,
    [id.slice(0, cut), endpoint],
  );
  const [delivery] = rows;
  if (!delivery) return null;
  const { rows: attempts } = await sql.query<AttemptView>(
    `SELECT at, ms, code, error, answer FROM (
       SELECT 1 AS attempt, first_at AS at, coalesce(first_ms, 0) AS ms, first_code AS code, first_error AS error,
              first_answer AS answer
       FROM deliveries WHERE notice = $1 AND endpoint = $2 AND first_at IS NOT NULL
       UNION ALL
       SELECT attempt, at, ms, code, error, answer FROM attempts WHERE notice = $1 AND endpoint = $2) AS every
     ORDER BY attempt`,
    [delivery.noticeNo, endpoint],
  );
  return { delivery, attempts };
};
