import type { Sql } from "./connection.ts";

export type Recipients = { partners: number; email: number; webhook: number; unreachable: number };

/** Whom a change of `service` concerns right now: subscribed partners, their primary endpoints by channel, and those nobody can reach. */
export const countRecipients = async (sql: Sql, service: string): Promise<Recipients> => {
  const { rows } = await sql.query<Recipients>(
    `SELECT count(*) AS partners, coalesce(sum(email), 0)::int8 AS email, coalesce(sum(webhook), 0)::int8 AS webhook,
            count(*) FILTER (WHERE email + webhook = 0) AS unreachable
     FROM (SELECT p.partner,
                  count(e.no) FILTER (WHERE e.channel = 'email') AS email,
                  count(e.no) FILTER (WHERE e.channel = 'webhook') AS webhook
           FROM partners p
           LEFT JOIN endpoints e ON e.partner = p.partner AND e.status = 'active' AND e.role = 'primary' AND e.deleted_at IS NULL
           WHERE p.left_at IS NULL AND p.subscriptions && ARRAY['*', $1]
           GROUP BY p.partner) AS reach`,
    [service],
  );
  return rows[0] ?? { partners: 0, email: 0, webhook: 0, unreachable: 0 };
};
