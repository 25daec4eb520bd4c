import type { Sql } from "./connection.ts";

export type PartnerRow = {
  partner: string;
  name: string;
  locale: string;
  timeZone: string;
  holidays: string[];
  subscriptions: string[];
  joinedAt: Date;
};

export type NewPartner = Omit<PartnerRow, "joinedAt">;

const COLUMNS = `partner, name, locale, time_zone AS "timeZone", holidays::text[] AS holidays, subscriptions, joined_at AS "joinedAt"`;

/** Partners who have not left, in order of their id, after `after`. */
export const listPartners = async (sql: Sql, after: string, limit: number): Promise<PartnerRow[]> => {
  const { rows } = await sql.query<PartnerRow>(
    `SELECT ${COLUMNS} FROM partners WHERE left_at IS NULL AND partner > $1 ORDER BY partner LIMIT $2`,
    [after, limit],
  );
  return rows;
};

/** A partner who has not left; null otherwise. */
export const findPartner = async (sql: Sql, partner: string): Promise<PartnerRow | null> => {
  const { rows } = await sql.query<PartnerRow>(
    `SELECT ${COLUMNS} FROM partners WHERE partner = $1 AND left_at IS NULL`,
    [partner],
  );
  return rows[0] ?? null;
};

/** Inserts a partner, or brings back one who had left; null when the id is taken. */
export const insertPartner = async (sql: Sql, row: NewPartner): Promise<PartnerRow | null> => {
  const { rows } = await sql.query<PartnerRow>(
    `INSERT INTO partners (partner, name, locale, time_zone, holidays, subscriptions) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (partner) DO UPDATE SET name = $2, locale = $3, time_zone = $4, holidays = $5, subscriptions = $6,
       joined_at = now(), left_at = NULL
     WHERE partners.left_at IS NOT NULL
     RETURNING ${COLUMNS}`,
    [row.partner, row.name, row.locale, row.timeZone, row.holidays, row.subscriptions],
  );
  return rows[0] ?? null;
};

/** Changes the given fields of a partner who has not left; null when there is none. New subscriptions: its endpoints are welcomed. */
export const updatePartner = async (
  sql: Sql,
  partner: string,
  fields: { [K in Exclude<keyof NewPartner, "partner">]?: NewPartner[K] | undefined },
): Promise<PartnerRow | null> => {
  const { rows } = await sql.query<PartnerRow>(
    // Partners before endpoints: in this order an import locks the tables.
    `WITH updated AS (
       UPDATE partners SET name = coalesce($2, name), locale = coalesce($3, locale), time_zone = coalesce($4, time_zone),
         holidays = coalesce($5, holidays), subscriptions = coalesce($6, subscriptions)
       WHERE partner = $1 AND left_at IS NULL RETURNING ${COLUMNS}
     ),
     welcome AS (
       UPDATE endpoints SET unwelcomed = true WHERE partner = $1 AND deleted_at IS NULL AND $6::text[] IS NOT NULL
     )
     SELECT * FROM updated`,
    [partner, fields.name, fields.locale, fields.timeZone, fields.holidays, fields.subscriptions],
  );
  return rows[0] ?? null;
};

/**
 * A partner leaves: what is personal is erased, the rows stay, so that the proof keeps its ids.
 *
 * In the caller's transaction; false when there is no such partner.
 */
export const erasePartner = async (sql: Sql, partner: string): Promise<boolean> => {
  const { rowCount } = await sql.query(
    `UPDATE partners SET name = '', holidays = '{}', subscriptions = '{}', left_at = now()
     WHERE partner = $1 AND left_at IS NULL`,
    [partner],
  );
  if (rowCount !== 1) return false;
  await sql.query(
    `UPDATE endpoints SET address = '', secret_sealed = NULL, former_secret_sealed = NULL, former_secret_until = NULL,
       deleted_at = now()
     WHERE partner = $1 AND deleted_at IS NULL`,
    [partner],
  );
  return true;
};
