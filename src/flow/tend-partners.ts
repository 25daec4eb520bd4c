import { inTransaction, isLockTimeout, type Ledger } from "../ledger/connection.ts";
import { escalateOne, welcomeEndpoints } from "../ledger/late.ts";
import type { Log } from "../log.ts";
import type { TellProvider } from "./tell-provider.ts";

/** Partners whose names an alert to the provider lists; the proof has them all. */
const LISTED = 200;

export type TendPartners = () => Promise<void>;

type Parts = { ledger: Ledger; tellProvider: TellProvider; publicUrl: string; log: Log };

/**
 * One tick, each second: whoever joined after an announcement is told of it, and partners who have said nothing when the
 * escalating reminder is due are escalated once: their second contacts get it, and the provider gets one list.
 */
export const makeTendPartners =
  ({ ledger, tellProvider, publicUrl, log }: Parts): TendPartners =>
  async () => {
    const pool = ledger.pools.routine;
    try {
      for (;;) {
        const { endpoints, deliveries } = await inTransaction(pool, welcomeEndpoints);
        if (deliveries > 0) log.info({ endpoints, deliveries }, "late joiners are told");
        if (endpoints === 0) break;
      }
    } catch (error) {
      // Somebody has a notice in hand for long: the next tick finds the same endpoints.
      if (!isLockTimeout(error)) throw error;
    }

    const escalate = (): Promise<boolean> =>
      inTransaction(pool, async (sql) => {
        const escalation = await escalateOne(sql);
        if (!escalation) return false;
        const { notice, change, revision, silent, contacts } = escalation;
        const page = `${publicUrl}/v1/changes/${change}/proof.html`;
        if (silent.length > 0)
          await tellProvider(sql, {
            kind: "silent",
            change,
            dedupe: `silent.${notice}`,
            subject: `[${change}] ${silent.length} ${silent.length === 1 ? "partner has" : "partners have"} said nothing`,
            body: [
              `Of ${change}, revision ${revision}, these partners have said nothing yet:`,
              "",
              ...silent.slice(0, LISTED).map((partner) => `- ${partner}`),
              ...(silent.length > LISTED ? [`and ${silent.length - LISTED} more`] : []),
              "",
              `${contacts} of their escalation contacts got the reminder. Everyone's state: ${page}`,
            ].join("\n"),
            facts: {
              revision,
              notice,
              partners: silent.slice(0, LISTED),
              more: silent.length > LISTED,
              silent: silent.length,
              contacts,
              links: { page },
            },
          });
        log.info({ notice, silent: silent.length, contacts }, "silent partners escalated");
        return true;
      });
    while (await escalate());
  };
