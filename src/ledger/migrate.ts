import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";

/** Any constant: processes that start together migrate one after the other. */
const MIGRATION_LOCK = 7_305_112_042;

/** Brings the schema up to this program's version, under an advisory lock; does nothing when it is already there. */
export const migrateLedger = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query("SET client_min_messages = warning");
    await migrate(drizzle(client), { migrationsFolder: new URL("migrations", import.meta.url).pathname });
  } finally {
    await client.end();
  }
};
