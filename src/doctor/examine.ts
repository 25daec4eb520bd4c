import type { Config } from "../config.ts";
import type { LocalServer } from "../processes/local-server.ts";
import { broken, doubtful, type Finding, good, skipped } from "./finding.ts";
import { hostFindings } from "./host-findings.ts";
import { ledgerFindings } from "./ledger-findings.ts";
import { queueFindings } from "./queue-findings.ts";
import { partsOf, toldByServer, toldByShell } from "./told.ts";

/**
 * Looks at every part of an installation and changes nothing: the servers that the configuration names, or those that
 * run from its data folder, then what can be seen from this host. Where a server runs from the data folder, its settings
 * are looked at and not this shell's. Sends no mail and no webhook.
 */
export const examine = async (config: Config, local: LocalServer | null): Promise<Finding[]> => {
  const parts = local && (await partsOf(local));
  const running = local !== null && parts !== null;
  const databaseUrl = config.databaseUrl ?? local?.databaseUrl;
  const redisUrl = config.redisUrl ?? local?.redisUrl;
  /** A part whose address is not known here. */
  const unseen = (part: "postgres" | "redis", name: string): Finding[] => {
    const state = parts?.[part];
    if (state === undefined)
      return [skipped(part, `is embedded, and no server runs from ${config.dataFolder}; npm start brings it`)];
    return state === "ok"
      ? [good(part, `answers the running server; set ${name} here too to look into it`)]
      : [broken(part, `the running server: ${state}`, `see that it runs, and check the server's ${name}`)];
  };
  const server = (): Finding[] => {
    if (local === null) return [];
    if (running) return [good("server", `${local.url} runs from this data folder; its settings are looked at`)];
    const says = `server.json names ${local.url}, and nothing answers there`;
    return [doubtful("server", says, "start it again: it was killed, or stands still")];
  };
  const found = await Promise.all([
    databaseUrl === undefined ? unseen("postgres", "DATABASE_URL") : ledgerFindings(databaseUrl),
    redisUrl === undefined ? unseen("redis", "REDIS_URL") : queueFindings(redisUrl),
    hostFindings(running ? toldByServer(config, local, parts) : toldByShell(config)),
  ]);
  return [...server(), ...found.flat()];
};
