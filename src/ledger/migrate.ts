import { fileURLToPath } from "node:url";
import pg from "pg";
import type { Sql } from "./connection.ts";
import journal from "./migrations/meta/_journal.json" with { type: "json" };

/** Any constant: processes that start together migrate one after the other. */
const MIGRATION_LOCK = 7_305_112_042;

/** The schema in the database is newer than this program: an older process must not write to it. */
export class NewerSchemaError extends Error {
  constructor() {
    super("the ledger's schema is newer than this program; start the version that migrated it, or a later one");
    this.name = "NewerSchemaError";
  }
}

/** When the newest migration of this program was made, as Drizzle records it. */
const OURS = Math.max(...journal.entries.map((entry) => entry.when));

/** The newest migration that the database has; 0 when it has none. */
const appliedSchema = async (client: Sql): Promise<number> => {
  const { rows } = await client.query<{ known: boolean }>(
    "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS known",
  );
  if (!rows[0]?.known) return 0;
  const newest = await client.query<{ at: string }>(
    "SELECT coalesce(max(created_at), 0) AS at FROM drizzle.__drizzle_migrations",
  );
  return Number(newest.rows[0]?.at);
};

/** Where the database's schema stands to this program's. */
export const schemaStanding = async (client: Sql): Promise<"absent" | "older" | "current" | "newer"> => {
  const applied = await appliedSchema(client);
  if (applied === OURS) return "current";
  if (applied === 0) return "absent";
  return applied < OURS ? "older" : "newer";
};

/**
 * Brings the schema up to this program's version, under an advisory lock; does nothing when it is there already.
 * Throws NewerSchemaError when the database is ahead.
 */
export const migrateLedger = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    if ((await appliedSchema(client)) === OURS) return;
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    if ((await appliedSchema(client)) > OURS) throw new NewerSchemaError();
    await client.query("SET client_min_messages = warning");
    // Loaded only when needed: Drizzle takes longer to load than everything else that a worker starts with.
    const [{ drizzle }, { migrate }] = await Promise.all([
      import("drizzle-orm/node-postgres"),
      import("drizzle-orm/node-postgres/migrator"),
    ]);
    await migrate(drizzle(client), { migrationsFolder: fileURLToPath(new URL("migrations", import.meta.url)) });
  } finally {
    await client.end();
  }
};
