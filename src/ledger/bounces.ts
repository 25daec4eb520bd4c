import type { Sql } from "./connection.ts";

/** A mail of ours to one of the addresses: what `Message-ID` derives from, and whose endpoint it went to. */
export type MailedDelivery = { notice: number; noticeId: string; endpoint: number; partner: string };

/** A mail server gives up within days; a report on an older mail is no news of the address. */
const RECENT = "interval '30 days'";

/** Mails that were tried lately to live endpoints with one of these addresses (in lower case), the newest first. */
export const mailedTo = async (sql: Sql, addresses: readonly string[]): Promise<MailedDelivery[]> => {
  const { rows } = await sql.query<MailedDelivery>(
    `WITH box AS MATERIALIZED (
       SELECT no, partner FROM endpoints WHERE lower(address) = ANY($1) AND channel = 'email' AND deleted_at IS NULL)
     SELECT d.notice, n.id AS "noticeId", d.endpoint, box.partner
     FROM box CROSS JOIN notices n
     CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE notice = n.no AND endpoint = box.no LIMIT 1) AS d
     WHERE n.fan_out_started_at > now() - ${RECENT} AND d.attempts > 0
     ORDER BY d.notice DESC, d.endpoint`,
    [addresses],
  );
  return rows;
};

export type NewBounce = {
  notice: number;
  endpoint: number;
  kind: "hard" | "soft";
  code: string;
  diagnostic: string | null;
};

/** Records a bounce; false when the same was reported before. */
export const insertBounce = async (sql: Sql, bounce: NewBounce): Promise<boolean> => {
  const { rowCount } = await sql.query(
    `INSERT INTO bounces (notice, endpoint, kind, code, diagnostic) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (notice, endpoint, kind, code) DO NOTHING`,
    [bounce.notice, bounce.endpoint, bounce.kind, bounce.code, bounce.diagnostic],
  );
  return rowCount === 1;
};
