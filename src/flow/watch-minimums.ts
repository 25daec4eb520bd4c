import { type Day, dayOf } from "../domain/calendar.ts";
import { dayBefore, lastDayOf } from "../domain/minimum.ts";
import { readClock } from "../ledger/changes.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { type AnnouncedChange, changesToAttend, endAttention, untoldPartners } from "../ledger/minimums.ts";
import { explainedDuration } from "../render/release-words.ts";
import { wordsFor } from "../render/words.ts";
import type { TellProvider } from "./tell-provider.ts";

const LISTED = 200;

type Parts = { ledger: Ledger; tellProvider: TellProvider; publicUrl: string };

export type WatchMinimums = () => Promise<void>;

/**
 * Each minute: a change that is `short` is brought to the provider's attention once per date; and on the day before a
 * minimum ends, so are the partners who have not been told yet.
 */
export const makeWatchMinimums = ({ ledger, tellProvider, publicUrl }: Parts): WatchMinimums => {
  const pool = ledger.pools.routine;
  const proofOf = (change: string): string => `${publicUrl}/v1/changes/${change}/proof.html`;

  const tellShort = ({ change, revision, state, verdict }: AnnouncedChange): ReturnType<TellProvider> => {
    const promised = explainedDuration(String(verdict.minimum), wordsFor("en"));
    return inTransaction(pool, (sql) =>
      tellProvider(sql, {
        kind: "short",
        change,
        dedupe: `short.${change}.${state.fields.releaseAt}`,
        subject: `[${change}] announced too late for its release`,
        body: `${state.fields.title}\n\nIts release, ${state.fields.releaseAt}, leaves ${verdict.noticeDays} ${verdict.noticeDays === 1 ? "day" : "days"}; ${promised} is promised. The earliest lawful release is ${verdict.earliestRelease}.\nMove the date, or record a waiver.\n\n${proofOf(change)}`,
        facts: {
          revision,
          title: state.fields.title,
          releaseAt: state.fields.releaseAt,
          verdict,
          links: { page: proofOf(change) },
        },
      }),
    );
  };

  const tellUntold = async ({ change, revision, state }: AnnouncedChange, last: Day): Promise<void> => {
    const untold = await untoldPartners(pool, change, LISTED + 1);
    if (untold.length === 0) return;
    await inTransaction(pool, (sql) =>
      tellProvider(sql, {
        kind: "minimum-lapses",
        change,
        dedupe: `lapses.${change}.r${revision}`,
        subject: `[${change}] the minimum notice is about to lapse`,
        body: [
          `${state.fields.title}, released ${state.fields.releaseAt}: ${last} is the last day on which telling keeps the minimum. Not told yet:`,
          "",
          ...untold.slice(0, LISTED).map((partner) => `- ${partner}`),
          ...(untold.length > LISTED ? ["and more"] : []),
          "",
          proofOf(change),
        ].join("\n"),
        facts: {
          revision,
          title: state.fields.title,
          releaseAt: state.fields.releaseAt,
          lastDay: last,
          partners: untold.slice(0, LISTED),
          more: untold.length > LISTED,
          links: { page: proofOf(change) },
        },
      }),
    );
  };

  /** Whether there is nothing more to say of it. */
  const attend = async (announced: AnnouncedChange, now: string): Promise<boolean> => {
    const { state, policy, verdict } = announced;
    // While nobody can be told it stays where whoever names a contact will hear of it.
    if (verdict.status === "short" && (await tellShort(announced)) === "nobody") return false;
    const last = lastDayOf(state, policy);
    if (last === null) return true;
    const day = dayOf(now, policy.timeZone);
    if (day === last || day === dayBefore(last)) await tellUntold(announced, last);
    return day > last;
  };

  return async () => {
    const now = await readClock(pool);
    for (const announced of await changesToAttend(pool))
      if (await attend(announced, now)) await endAttention(pool, announced);
  };
};
