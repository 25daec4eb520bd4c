import { counted } from "../counted.ts";
import { type Day, dayOf } from "../domain/calendar.ts";
import { lastDayOf, nextAttention } from "../domain/minimum.ts";
import { readClock } from "../ledger/changes.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { type AnnouncedChange, changesToAttend, putOffAttention, untoldPartners } from "../ledger/minimums.ts";
import { explainedDuration } from "../render/release-words.ts";
import { wordsFor } from "../render/words.ts";
import type { TellProvider } from "./tell-provider.ts";

const LISTED = 200;

type Parts = { ledger: Ledger; tellProvider: TellProvider; publicUrl: string };

type Told = Awaited<ReturnType<TellProvider>>;

export type WatchMinimums = () => Promise<void>;

/**
 * Each minute: a change that is `short` is brought to the provider's attention once per date; and so are, on the day before a
 * minimum ends and on its last day, the partners who have not been told yet. All partners are looked through once on each.
 */
export const makeWatchMinimums = ({ ledger, tellProvider, publicUrl }: Parts): WatchMinimums => {
  const pool = ledger.pools.routine;
  const proofOf = (change: string): string => `${publicUrl}/v1/changes/${change}/proof.html`;

  const tellShort = ({ change, revision, state, verdict }: AnnouncedChange): Promise<Told> => {
    const promised = explainedDuration(String(verdict.minimum), wordsFor("en"));
    return inTransaction(pool, (sql) =>
      tellProvider(sql, {
        kind: "short",
        change,
        dedupe: `short.${change}.${state.fields.releaseAt}`,
        subject: `[${change}] announced too late for its release`,
        body: `${state.fields.title}\n\nIts release, ${state.fields.releaseAt}, leaves ${counted(verdict.noticeDays ?? 0, "day")}; ${promised} is promised. The earliest lawful release is ${verdict.earliestRelease}.\nMove the date, or record a waiver.\n\n${proofOf(change)}`,
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

  /** Once a day per date: what was told the day before may have been of others. */
  const tellUntold = async (
    { change, revision, state }: AnnouncedChange,
    last: Day,
    today: Day,
  ): Promise<Told | null> => {
    const untold = await untoldPartners(pool, change, LISTED + 1);
    if (untold.length === 0) return null;
    return inTransaction(pool, (sql) =>
      tellProvider(sql, {
        kind: "minimum-lapses",
        change,
        dedupe: `lapses.${change}.${state.dateSince}.${today < last ? today : last}`,
        subject: `[${change}] the minimum notice ${today > last ? "has lapsed" : "is about to lapse"}`,
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

  const attend = async (announced: AnnouncedChange, now: string): Promise<void> => {
    const { state, status, policy, verdict } = announced;
    if (verdict.status === "short") {
      const told = await tellShort(announced);
      // While nobody can be told it stays where whoever names a contact will hear of it, until it is released.
      if (told !== "nobody" || status !== "announced") await putOffAttention(pool, announced, null);
      return;
    }
    const last = status === "announced" ? lastDayOf(state, policy) : null;
    if (last === null) return putOffAttention(pool, announced, null);
    const told = await tellUntold(announced, last, dayOf(now, policy.timeZone));
    await putOffAttention(pool, announced, nextAttention(last, { now, nobody: told === "nobody", policy }));
  };

  return async () => {
    const now = await readClock(pool);
    for (const announced of await changesToAttend(pool)) await attend(announced, now);
  };
};
