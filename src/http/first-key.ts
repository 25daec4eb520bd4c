import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { insertFirstKey, keepAdminKey } from "../ledger/keys.ts";
import type { Log } from "../log.ts";
import { readAdminKey } from "../processes/local-server.ts";
import { hashKey, mintKey } from "./keys.ts";

type Parts = { ledger: Ledger; config: Pick<Config, "adminKey" | "dataFolder">; log: Log };

/** Leaves an admin key where the local command line finds it; only its owner may read it. */
export const writeAdminKey = (dataFolder: string, key: string): void => {
  const file = join(dataFolder, "admin-key");
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  // A file that was there before keeps its mode otherwise.
  chmodSync(file, 0o600);
};

/** There while the first key was made and not shown yet. */
const unshown = (dataFolder: string): string => join(dataFolder, "admin-key.unshown");

/** Said once the first key is before somebody's eyes: a start that fails first leaves it to the next one. */
export const adminKeyShown = (dataFolder: string): void => rmSync(unshown(dataFolder), { force: true });

/**
 * Sees to it that somebody can use the API: `FOREWARN_ADMIN_KEY` is an admin key from the start on, in place of the one
 * that the variable named before; without it, and when there is no key at all, one is made, kept in the data folder and
 * answered as `made`, to be printed until `adminKeyShown` is called. Keys that were made otherwise stay as they are.
 */
export const ensureAdminKey = async ({ ledger, config, log }: Parts): Promise<{ made: string | null }> => {
  const pool = ledger.pools.routine;
  if (config.adminKey !== undefined) {
    // Whoever sets it knows it; a start without it must not show it later.
    adminKeyShown(config.dataFolder);
    const given = { key: mintKey().id, name: "FOREWARN_ADMIN_KEY", hash: hashKey(config.adminKey) };
    const replaced = await inTransaction(pool, (sql) => keepAdminKey(sql, given));
    if (replaced > 0) log.warn("FOREWARN_ADMIN_KEY names another key than before: the former one is revoked");
    return { made: null };
  }
  const { id, whole, hash } = mintKey();
  const made = await inTransaction(pool, async (sql) => {
    const inserted = await insertFirstKey(sql, { key: id, name: "first start", hash });
    // Within the transaction: a key that could not be kept is not made, and the next start tries again.
    if (inserted) {
      writeAdminKey(config.dataFolder, whole);
      writeFileSync(unshown(config.dataFolder), "");
    }
    return inserted;
  });
  if (!made) return { made: existsSync(unshown(config.dataFolder)) ? readAdminKey(config.dataFolder) : null };
  log.info({ file: join(config.dataFolder, "admin-key") }, "the first admin key was made");
  return { made: whole };
};
