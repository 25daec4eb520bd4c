import type { Channel } from "../domain/category.ts";
import type { Sql } from "./connection.ts";
import type { EndpointRole } from "./endpoints.ts";
import { knownZone } from "./zones.ts";

/** One partner of an import; null keeps what is stored, or takes the default for a new partner. */
export type ImportRow = {
  /** In the file, from 1. */
  line: number;
  partner: string;
  name: string | null;
  locale: string | null;
  timeZone: string | null;
  holidays: string[] | null;
  subscriptions: string[] | null;
  endpoints: { channel: Channel; address: string; role: EndpointRole | null; secretSealed: Buffer | null }[];
};

/**
 * Makes the temporary tables that rows are gathered in; in a transaction, on a connection of the import's own. The
 * transaction may stand idle for as long as a request may take until all rows are in: they come as slowly as their sender
 * sends them, and nothing that others want is locked meanwhile.
 */
export const openImport = async (sql: Sql): Promise<void> => {
  await sql.query(`
    SET LOCAL idle_in_transaction_session_timeout = '10min';
    DROP TABLE IF EXISTS pg_temp.import_partners, pg_temp.import_endpoints, pg_temp.import_webhooks;
    CREATE TEMP TABLE import_partners (line int, partner text, name text, locale text, time_zone text, holidays date[],
      subscriptions text[]);
    CREATE TEMP TABLE import_endpoints (partner text, channel text, address text, role text, secret_sealed bytea);
    CREATE TEMP TABLE import_webhooks (no int8 PRIMARY KEY, partner text, address text, secret_sealed bytea);`);
};

/** Adds some thousand rows at most: one statement each for partners and endpoints. */
export const stageImport = async (sql: Sql, rows: readonly ImportRow[]): Promise<void> => {
  // Lists travel as JSON: unnest would flatten arrays of arrays.
  await sql.query({
    text: `INSERT INTO import_partners SELECT line, partner, name, locale, time_zone,
             CASE WHEN holidays IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(holidays)::date) END,
             CASE WHEN subscriptions IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(subscriptions)) END
           FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::jsonb[])
             AS row (line, partner, name, locale, time_zone, holidays, subscriptions)`,
    values: [
      rows.map((row) => row.line),
      rows.map((row) => row.partner),
      rows.map((row) => row.name),
      rows.map((row) => row.locale),
      rows.map((row) => row.timeZone),
      rows.map((row) => row.holidays && JSON.stringify(row.holidays)),
      rows.map((row) => row.subscriptions && JSON.stringify(row.subscriptions)),
    ],
  });
  const endpoints = rows.flatMap((row) => row.endpoints.map((endpoint) => ({ partner: row.partner, ...endpoint })));
  await sql.query({
    text: "INSERT INTO import_endpoints SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])",
    values: [
      endpoints.map((it) => it.partner),
      endpoints.map((it) => it.channel),
      endpoints.map((it) => it.address),
      endpoints.map((it) => it.role),
      endpoints.map((it) => it.secretSealed),
    ],
  });
};

/** Partners that stand on more than one line, with those lines in order. */
export const repeatedPartners = async (sql: Sql, limit: number): Promise<{ partner: string; lines: number[] }[]> => {
  const { rows } = await sql.query<{ partner: string; lines: number[] }>(
    `SELECT partner, array_agg(line ORDER BY line) AS lines FROM import_partners GROUP BY partner
     HAVING count(*) > 1 ORDER BY min(line) LIMIT $1`,
    [limit],
  );
  return rows;
};

/** Lines whose time zone PostgreSQL does not know, in order. */
export const linesOfUnknownZones = async (sql: Sql, limit: number): Promise<number[]> => {
  const { rows } = await sql.query<{ line: number }>(
    `WITH zones AS MATERIALIZED (SELECT DISTINCT time_zone FROM import_partners),
          unknown AS MATERIALIZED (SELECT time_zone FROM zones WHERE ${knownZone("time_zone")} <> time_zone)
     SELECT line FROM import_partners WHERE time_zone IN (SELECT time_zone FROM unknown) ORDER BY line LIMIT $1`,
    [limit],
  );
  return rows.map(({ line }) => line);
};

/** Lines of partners that are new, or had left, and are given no name. */
export const namelessPartners = async (sql: Sql, limit: number): Promise<number[]> => {
  const { rows } = await sql.query<{ line: number }>(
    `SELECT line FROM import_partners i WHERE name IS NULL
       AND NOT EXISTS (SELECT FROM partners p WHERE p.partner = i.partner AND p.left_at IS NULL)
     ORDER BY line LIMIT $1`,
    [limit],
  );
  return rows.map(({ line }) => line);
};

/**
 * Merges what was gathered: partners are created, brought back or updated; endpoints are matched by channel and address
 * and keep their number, secret and status, and new ones are added. Endpoints that the import does not name stay.
 *
 * In the caller's transaction.
 */
export const mergeImport = async (sql: Sql): Promise<{ partners: number; created: number; endpoints: number }> => {
  await sql.query("ANALYZE import_partners; ANALYZE import_endpoints; SET LOCAL enable_hashjoin = on");
  await sql.query("SET LOCAL idle_in_transaction_session_timeout TO DEFAULT");
  await sql.query("LOCK TABLE partners, endpoints IN SHARE ROW EXCLUSIVE MODE");
  // Subscribed anew: its endpoints are welcomed like new ones.
  await sql.query(
    `UPDATE endpoints e SET unwelcomed = true FROM import_partners i JOIN partners p ON p.partner = i.partner
     WHERE e.partner = i.partner AND e.deleted_at IS NULL AND i.subscriptions <> p.subscriptions`,
  );
  const known = await sql.query<{ count: number }>(
    "SELECT count(*) AS count FROM import_partners JOIN partners USING (partner)",
  );
  const partners = await sql.query(
    `MERGE INTO partners p USING (
       SELECT i.*, e.partner IS NOT NULL AS has_endpoints
       FROM import_partners i LEFT JOIN (SELECT DISTINCT partner FROM import_endpoints) AS e USING (partner)
     ) AS i ON p.partner = i.partner
     WHEN MATCHED THEN UPDATE SET name = coalesce(i.name, p.name), locale = coalesce(i.locale, p.locale),
       time_zone = coalesce(i.time_zone, p.time_zone), holidays = coalesce(i.holidays, p.holidays),
       subscriptions = coalesce(i.subscriptions, CASE WHEN p.left_at IS NULL THEN p.subscriptions ELSE '{*}' END),
       had_endpoints = p.had_endpoints OR i.has_endpoints,
       joined_at = CASE WHEN p.left_at IS NULL THEN p.joined_at ELSE now() END, left_at = NULL
     WHEN NOT MATCHED THEN INSERT (partner, name, locale, time_zone, holidays, subscriptions, had_endpoints)
       VALUES (i.partner, i.name, coalesce(i.locale, 'en'), coalesce(i.time_zone, 'UTC'), coalesce(i.holidays, '{}'),
               coalesce(i.subscriptions, '{*}'), i.has_endpoints)`,
  );
  await sql.query(
    `UPDATE endpoints e SET role = i.role FROM import_endpoints i
     WHERE e.partner = i.partner AND e.channel = i.channel AND e.address = i.address AND e.deleted_at IS NULL
       AND e.role <> i.role`,
  );
  const { rows } = await sql.query<{ endpoints: number }>(
    `WITH added AS (
       INSERT INTO endpoints (partner, channel, address, role, secret_sealed)
       SELECT partner, channel, address, coalesce(role, 'primary'), secret_sealed FROM import_endpoints
       ON CONFLICT (partner, channel, address) WHERE deleted_at IS NULL DO NOTHING
       RETURNING no, partner, channel, address, secret_sealed),
     kept AS (
       INSERT INTO import_webhooks SELECT no, partner, address, secret_sealed FROM added WHERE channel = 'webhook')
     SELECT count(*) AS endpoints FROM added`,
  );
  const merged = partners.rowCount ?? 0;
  return { partners: merged, created: merged - (known.rows[0]?.count ?? 0), endpoints: rows[0]?.endpoints ?? 0 };
};

export type NewWebhook = { no: number; partner: string; address: string; secretSealed: Buffer };

/** Webhooks that the merge created, page by page, on the same connection. */
export const newWebhooks = async (sql: Sql, after: number, limit: number): Promise<NewWebhook[]> => {
  const { rows } = await sql.query<NewWebhook>(
    `SELECT no, partner, address, secret_sealed AS "secretSealed" FROM import_webhooks WHERE no > $1 ORDER BY no LIMIT $2`,
    [after, limit],
  );
  return rows;
};

/** Drops the temporary tables, so that the connection goes back to its pool as it came. */
export const closeImport = async (sql: Sql): Promise<void> => {
  await sql.query("DROP TABLE IF EXISTS pg_temp.import_partners, pg_temp.import_endpoints, pg_temp.import_webhooks");
};
