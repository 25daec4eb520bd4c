import type { Config } from "../config.ts";
import type { LocalServer } from "../processes/local-server.ts";
import { type Finding, skipped } from "./finding.ts";
import { hostFindings } from "./host-findings.ts";
import { ledgerFindings } from "./ledger-findings.ts";
import { queueFindings } from "./queue-findings.ts";

/**
 * Looks at every part of an installation and changes nothing: the servers that the configuration names, or those that
 * run from its data folder, then what can be seen from this host. Sends no mail and no webhook.
 */
export const examine = async (config: Config, local: LocalServer | null): Promise<Finding[]> => {
  const databaseUrl = config.databaseUrl ?? local?.databaseUrl;
  const redisUrl = config.redisUrl ?? local?.redisUrl;
  const idle = (part: string): Finding[] => [
    skipped(part, `is embedded, and no server runs from ${config.dataFolder}; npm start brings it`),
  ];
  const found = await Promise.all([
    databaseUrl === undefined ? idle("postgres") : ledgerFindings(databaseUrl),
    redisUrl === undefined ? idle("redis") : queueFindings(redisUrl),
    hostFindings(config),
  ]);
  return found.flat();
};
