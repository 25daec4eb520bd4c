import type { Config } from "../config.ts";
import { smtpState } from "../processes/checks.ts";
import { contactWaysOf, type LocalServer } from "../processes/local-server.ts";

const PATIENCE_MS = 5_000;

/** The settings that the host's findings are about: this shell's, or those of the server that runs from the data folder. */
export type Told = Pick<Config, "dataFolder" | "policyFile" | "templatesFolder" | "publicUrl"> & {
  /** By which ways the provider's own contact is told. */
  contactWays: readonly string[];
  /** Whether there is a relay; `smtp` answers `ok`, or what it has against us. */
  sendsMail: boolean;
  smtp: () => Promise<string>;
};

export const toldByShell = (config: Config): Told => ({
  ...config,
  contactWays: contactWaysOf(config),
  sendsMail: config.smtpUrl !== undefined,
  smtp: () => smtpState(config.smtpUrl ?? ""),
});

/** What the server's `/readyz` says of each part; null when nothing answers there. */
export const partsOf = async ({ url }: LocalServer): Promise<Record<string, string> | null> => {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return ((await answer.json()) as { parts?: Record<string, string> }).parts ?? null;
  } catch {
    return null;
  }
};

/** A shell rarely has the server's environment, and would raise false alarms of its own. */
export const toldByServer = (config: Config, { settings }: LocalServer, parts: Record<string, string>): Told => {
  if (settings === undefined) return toldByShell(config);
  return {
    dataFolder: config.dataFolder,
    policyFile: undefined,
    templatesFolder: undefined,
    ...settings,
    smtp: () => Promise.resolve(parts["smtp"] ?? "is not spoken of"),
  };
};
