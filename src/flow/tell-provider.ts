import type { Sql } from "../ledger/connection.ts";
import { insertProviderMail, type NewProviderMail } from "../ledger/provider-mails.ts";
import type { Log } from "../log.ts";

/**
 * Writes a mail to the provider's own contact into the caller's transaction, so that it is told exactly when the fact is
 * recorded; the email sender's process mails it until a relay takes it. A fact that was told before (`dedupe`) is not told
 * again.
 */
export type TellProvider = (sql: Sql, mail: NewProviderMail) => Promise<"told" | "told-before" | "nobody">;

/** Without FOREWARN_CONTACT nobody can be told: the fact is in the log only. */
export const makeTellProvider =
  ({ contact, log }: { contact: string | undefined; log: Log }): TellProvider =>
  async (sql, mail) => {
    if (contact === undefined) {
      log.warn({ kind: mail.kind, about: mail.dedupe }, "the provider is not told: FOREWARN_CONTACT is not set");
      return "nobody";
    }
    if (!(await insertProviderMail(sql, mail))) return "told-before";
    log.info({ kind: mail.kind, about: mail.dedupe }, "the provider is told");
    return "told";
  };
