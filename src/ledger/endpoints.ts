import type { Channel } from "../domain/category.ts";
import type { Sql } from "./connection.ts";

export const ENDPOINT_ROLES = ["primary", "escalation"] as const;
export type EndpointRole = (typeof ENDPOINT_ROLES)[number];

/**
 * Who moves it on: `active` → `disabled` by a 410, by used-up retries or by hand, → `bounced` by a refused recipient,
 * → `unsubscribed` by the partner; any of them → `active` by `enable`.
 */
export const ENDPOINT_STATUSES = ["active", "disabled", "bounced", "unsubscribed"] as const;
export type EndpointStatus = (typeof ENDPOINT_STATUSES)[number];

export type EndpointRow = {
  no: number;
  partner: string;
  channel: Channel;
  address: string;
  role: EndpointRole;
  status: EndpointStatus;
};

export type NewEndpoint = {
  partner: string;
  channel: Channel;
  address: string;
  role: EndpointRole;
  secretSealed: Buffer | null;
};

const COLUMNS = "no, partner, channel, address, role, status";

/** The live endpoints of these partners, in order. */
export const endpointsOf = async (sql: Sql, partners: readonly string[]): Promise<EndpointRow[]> => {
  const { rows } = await sql.query<EndpointRow>(
    `SELECT ${COLUMNS} FROM endpoints WHERE partner = ANY($1) AND deleted_at IS NULL ORDER BY partner, no`,
    [partners],
  );
  return rows;
};

/** The live endpoints of one partner after number `after`. */
export const listEndpoints = async (
  sql: Sql,
  partner: string,
  after: number,
  limit: number,
): Promise<EndpointRow[]> => {
  const { rows } = await sql.query<EndpointRow>(
    `SELECT ${COLUMNS} FROM endpoints WHERE partner = $1 AND deleted_at IS NULL AND no > $2 ORDER BY no LIMIT $3`,
    [partner, after, limit],
  );
  return rows;
};

export const findEndpoint = async (sql: Sql, no: number): Promise<EndpointRow | null> => {
  const { rows } = await sql.query<EndpointRow>(
    `SELECT ${COLUMNS} FROM endpoints WHERE no = $1 AND deleted_at IS NULL`,
    [no],
  );
  return rows[0] ?? null;
};

/** Inserts an endpoint; null when the partner has it already. */
export const insertEndpoint = async (sql: Sql, row: NewEndpoint): Promise<EndpointRow | null> => {
  const { rows } = await sql.query<EndpointRow>(
    `WITH known AS (UPDATE partners SET had_endpoints = true WHERE partner = $1 AND NOT had_endpoints)
     INSERT INTO endpoints (partner, channel, address, role, secret_sealed) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (partner, channel, address) WHERE deleted_at IS NULL DO NOTHING RETURNING ${COLUMNS}`,
    [row.partner, row.channel, row.address, row.role, row.secretSealed],
  );
  return rows[0] ?? null;
};

/** Changes the given fields; a new address is a new start: failures and bounces of the old one no longer count. */
export const updateEndpoint = async (
  sql: Sql,
  no: number,
  fields: { address?: string | undefined; role?: EndpointRole | undefined; status?: "active" | "disabled" | undefined },
): Promise<EndpointRow | null> => {
  const { rows } = await sql.query<EndpointRow>(
    `UPDATE endpoints SET
       address = coalesce($2, address), role = coalesce($3, role),
       status = coalesce($4, CASE WHEN $2 <> address AND status = 'bounced' THEN 'active' ELSE status END),
       failing_since = CASE WHEN $2 <> address OR $4 = 'active' THEN NULL ELSE failing_since END,
       exhausted = CASE WHEN $2 <> address OR $4 = 'active' THEN 0 ELSE exhausted END
     WHERE no = $1 AND deleted_at IS NULL RETURNING ${COLUMNS}`,
    [no, fields.address, fields.role, fields.status],
  );
  return rows[0] ?? null;
};

/** Erases address and secrets and keeps the row for the proof; false when there is no such endpoint. */
export const eraseEndpoint = async (sql: Sql, no: number): Promise<boolean> => {
  const { rowCount } = await sql.query(
    `UPDATE endpoints SET address = '', secret_sealed = NULL, former_secret_sealed = NULL, former_secret_until = NULL,
       deleted_at = now() WHERE no = $1 AND deleted_at IS NULL`,
    [no],
  );
  return rowCount === 1;
};

/** Puts a new secret in place; the present one signs along for `overlapSeconds`. Answers when that ends. */
export const rotateSecret = async (
  sql: Sql,
  no: number,
  secretSealed: Buffer,
  overlapSeconds: number,
): Promise<Date | null> => {
  const { rows } = await sql.query<{ until: Date }>(
    `UPDATE endpoints SET secret_sealed = $2, former_secret_sealed = secret_sealed,
       former_secret_until = now() + $3 * interval '1 second'
     WHERE no = $1 AND channel = 'webhook' AND deleted_at IS NULL RETURNING former_secret_until AS until`,
    [no, secretSealed, overlapSeconds],
  );
  return rows[0]?.until ?? null;
};
