import type { Sql } from "./connection.ts";

export const SCOPES = ["emit", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** An API key as it may be shown: never the key itself. */
export type KeyRow = { key: string; name: string; scopes: Scope[]; createdAt: Date; revokedAt: Date | null };

const COLUMNS = `key, name, scopes, created_at AS "createdAt", revoked_at AS "revokedAt"`;

/** The live key with this SHA-256; null when there is none or it was revoked. */
export const findKeyByHash = async (
  sql: Sql,
  hash: Buffer,
): Promise<{ key: string; hash: Buffer; scopes: Scope[] } | null> => {
  const { rows } = await sql.query<{ key: string; hash: Buffer; scopes: Scope[] }>({
    name: "find-key",
    text: "SELECT key, hash, scopes FROM keys WHERE hash = $1 AND revoked_at IS NULL",
    values: [hash],
  });
  return rows[0] ?? null;
};

/** Keys in order of their id, after `after`. */
export const listKeys = async (sql: Sql, after: string, limit: number): Promise<KeyRow[]> => {
  const { rows } = await sql.query<KeyRow>(`SELECT ${COLUMNS} FROM keys WHERE key > $1 ORDER BY key LIMIT $2`, [
    after,
    limit,
  ]);
  return rows;
};

export const insertKey = async (
  sql: Sql,
  key: { key: string; name: string; hash: Buffer; scopes: readonly Scope[] },
): Promise<KeyRow | null> => {
  const { rows } = await sql.query<KeyRow>(
    `INSERT INTO keys (key, name, hash, scopes) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
    [key.key, key.name, key.hash, key.scopes],
  );
  return rows[0] ?? null;
};

/** Any constant: starts that happen together make one admin key, not two. */
const FIRST_KEY_LOCK = 7_305_112_043;

/**
 * Makes `hash` a live admin key, whatever it was before, and the only one that the environment's variable has named:
 * the former ones are revoked. Answers how many those were. In the caller's transaction.
 */
export const keepAdminKey = async (sql: Sql, key: { key: string; name: string; hash: Buffer }): Promise<number> => {
  await sql.query("SELECT pg_advisory_xact_lock($1)", [FIRST_KEY_LOCK]);
  await sql.query(
    `INSERT INTO keys (key, name, hash, scopes, from_variable) VALUES ($1, $2, $3, '{admin}', true)
     ON CONFLICT (hash) DO UPDATE SET scopes = '{admin}', from_variable = true, revoked_at = NULL`,
    [key.key, key.name, key.hash],
  );
  const { rowCount } = await sql.query(
    "UPDATE keys SET revoked_at = now() WHERE from_variable AND hash <> $1 AND revoked_at IS NULL",
    [key.hash],
  );
  return rowCount ?? 0;
};

/** Inserts the key unless there is any key at all, under a lock; answers whether it did. In the caller's transaction. */
export const insertFirstKey = async (sql: Sql, key: { key: string; name: string; hash: Buffer }): Promise<boolean> => {
  await sql.query("SELECT pg_advisory_xact_lock($1)", [FIRST_KEY_LOCK]);
  const { rowCount } = await sql.query(
    `INSERT INTO keys (key, name, hash, scopes) SELECT $1, $2, $3, '{admin}' WHERE NOT EXISTS (SELECT FROM keys)`,
    [key.key, key.name, key.hash],
  );
  return rowCount === 1;
};

/** `last` when revoking it would leave nobody who could make keys; the lock keeps two revocations from passing each other. */
export const revokeKey = async (sql: Sql, key: string): Promise<"revoked" | "absent" | "last"> => {
  await sql.query("SELECT pg_advisory_xact_lock($1)", [FIRST_KEY_LOCK]);
  const { rows } = await sql.query<{ last: boolean }>(
    `SELECT 'admin' = ANY(k.scopes) AND NOT EXISTS (
       SELECT FROM keys o WHERE o.key <> k.key AND 'admin' = ANY(o.scopes) AND o.revoked_at IS NULL) AS last
     FROM keys k WHERE k.key = $1 AND k.revoked_at IS NULL`,
    [key],
  );
  if (!rows[0]) return "absent";
  if (rows[0].last) return "last";
  await sql.query("UPDATE keys SET revoked_at = now() WHERE key = $1", [key]);
  return "revoked";
};
