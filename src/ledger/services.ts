import type { Sql } from "./connection.ts";

export type ServiceRow = { service: string; title: string; businessCritical: boolean };

const COLUMNS = `service, title, business_critical AS "businessCritical"`;

/** Services in order of their id, after `after`. */
export const listServices = async (sql: Sql, after: string, limit: number): Promise<ServiceRow[]> => {
  const { rows } = await sql.query<ServiceRow>(
    `SELECT ${COLUMNS} FROM services WHERE service > $1 ORDER BY service LIMIT $2`,
    [after, limit],
  );
  return rows;
};

export const findService = async (sql: Sql, service: string): Promise<ServiceRow | null> => {
  const { rows } = await sql.query<ServiceRow>(`SELECT ${COLUMNS} FROM services WHERE service = $1`, [service]);
  return rows[0] ?? null;
};

/** Inserts a service; false when the id is taken. */
export const insertService = async (sql: Sql, row: ServiceRow): Promise<boolean> => {
  const { rowCount } = await sql.query(
    "INSERT INTO services (service, title, business_critical) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    [row.service, row.title, row.businessCritical],
  );
  return rowCount === 1;
};

/** Creates or replaces a service; answers whether it is new. */
export const putService = async (sql: Sql, row: ServiceRow): Promise<boolean> => {
  const { rows } = await sql.query<{ isNew: boolean }>(
    `INSERT INTO services (service, title, business_critical) VALUES ($1, $2, $3)
     ON CONFLICT (service) DO UPDATE SET title = $2, business_critical = $3 RETURNING xmax = 0 AS "isNew"`,
    [row.service, row.title, row.businessCritical],
  );
  return rows[0]?.isNew === true;
};

/** Which of these ids (`*` aside) name no service. */
export const unknownServices = async (sql: Sql, ids: readonly string[]): Promise<string[]> => {
  const { rows } = await sql.query<{ id: string }>(
    `SELECT id FROM unnest($1::text[]) AS id WHERE id <> '*' AND NOT EXISTS (SELECT FROM services WHERE service = id)`,
    [ids],
  );
  return rows.map((row) => row.id);
};

/** Every service id there is. */
export const serviceIds = async (sql: Sql): Promise<Set<string>> => {
  const { rows } = await sql.query<{ service: string }>("SELECT service FROM services");
  return new Set(rows.map((row) => row.service));
};

/** Removes a service unless changes or subscriptions name it; says which, with counts. In the caller's transaction. */
export const deleteService = async (
  sql: Sql,
  service: string,
): Promise<{ kind: "deleted" | "absent" } | { kind: "in-use"; changes: number; partners: number }> => {
  // The row's lock makes events that name the service wait (their foreign key needs it).
  const { rowCount } = await sql.query("SELECT FROM services WHERE service = $1 FOR UPDATE", [service]);
  if (rowCount === 0) return { kind: "absent" };
  const { rows } = await sql.query<{ changes: number; partners: number }>(
    `SELECT (SELECT count(*) FROM changes WHERE service = $1) AS changes,
            (SELECT count(*) FROM partners WHERE left_at IS NULL AND $1 = ANY(subscriptions)) AS partners`,
    [service],
  );
  const { changes = 0, partners = 0 } = rows[0] ?? {};
  if (changes > 0 || partners > 0) return { kind: "in-use", changes, partners };
  await sql.query("DELETE FROM services WHERE service = $1", [service]);
  return { kind: "deleted" };
};
