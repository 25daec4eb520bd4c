import type { Fault } from "../domain/fault.ts";
import { changeExists } from "../ledger/change-views.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { concerns } from "../ledger/proof.ts";
import { insertWaiver, type NewWaiver, type Waiver } from "../ledger/waivers.ts";
import type { Log } from "../log.ts";

export type Waived = { kind: "recorded"; waiver: Waiver } | { kind: "refused"; faults: Fault[] } | { kind: "absent" };

/**
 * Records that a named person lets a shortfall pass, for every partner or for one. It speaks of the release date that
 * stands at that moment: a date that moves later needs a waiver of its own.
 */
export type Waive = (waiver: NewWaiver) => Promise<Waived>;

export const makeWaive =
  ({ ledger, log }: { ledger: Ledger; log: Log }): Waive =>
  async (given) => {
    const { change, partner, by } = given;
    const result = await inTransaction(ledger.pools.routine, async (sql): Promise<Waived> => {
      if (!(await changeExists(sql, change))) return { kind: "absent" };
      if (partner !== null && !(await concerns(sql, change, partner)))
        return {
          kind: "refused",
          faults: [
            {
              path: "partner",
              message: `"${partner}" is not concerned by ${change}; leave it out to waive the minimum for everyone`,
            },
          ],
        };
      return { kind: "recorded", waiver: await insertWaiver(sql, given) };
    });
    if (result.kind === "recorded") log.info({ change, partner, by }, "minimum waived");
    return result;
  };
