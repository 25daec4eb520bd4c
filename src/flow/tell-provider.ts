import type { Channel } from "../domain/category.ts";
import type { ProviderAlert } from "../domain/provider-alert.ts";
import type { Sql } from "../ledger/connection.ts";
import { insertProviderAlert } from "../ledger/provider-alerts.ts";
import type { Log } from "../log.ts";

/**
 * Writes an alert to the provider's own contact into the caller's transaction, by every channel that leads to it, so that
 * it is told exactly when the fact is recorded; the senders' processes send it until the other side takes it. A fact that
 * was told before (`dedupe`) is not told again.
 */
export type TellProvider = (sql: Sql, alert: ProviderAlert) => Promise<"told" | "told-before" | "nobody">;

/** Facts that are remembered at most: a process may run for years, and a line said twice does no harm. */
const REMEMBERED = 10_000;

/** `channels` are the ways to the contact; without any nobody can be told, and the fact is in the log only. */
export const makeTellProvider = ({ channels, log }: { channels: readonly Channel[]; log: Log }): TellProvider => {
  /** Logged by this process: what is looked at each minute is said once. */
  const said = new Set<string>();

  return async (sql, alert) => {
    const { kind, dedupe: about } = alert;
    if (channels.length === 0) {
      if (said.has(about)) return "nobody";
      if (said.size >= REMEMBERED) said.clear();
      said.add(about);
      log.warn(
        { kind, about },
        "the provider is not told: neither FOREWARN_CONTACT nor FOREWARN_CONTACT_WEBHOOK is set",
      );
      return "nobody";
    }
    const told = await insertProviderAlert(sql, alert, channels);
    if (told.length === 0) return "told-before";
    log.info({ kind, about, channels: told }, "the provider is told");
    return "told";
  };
};
