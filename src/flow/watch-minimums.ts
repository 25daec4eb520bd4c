import { addCalendar, dayOf, releaseDay } from "../domain/calendar.ts";
import { hasTime, spanOf } from "../domain/duration.ts";
import { demandOf } from "../domain/policy.ts";
import { readClock } from "../ledger/changes.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { type AnnouncedChange, changesNearMinimum, untoldPartners } from "../ledger/minimums.ts";
import type { TellProvider } from "./tell-provider.ts";

const LISTED = 200;

/**
 * The last calendar day on which telling still keeps the minimum, counted forward as the promise is; null without a
 * minimum of whole days.
 *
 * @example lastLawfulDay("2027-03-31", "P1M") // "2027-02-28"
 */
export const lastLawfulDay = (release: string, minimum: string): string => {
  // A month back from a month's end may be a day or more too early: look on from there.
  let day = addCalendar(release, minimum, -1);
  for (let next = addCalendar(day, "P1D"); addCalendar(next, minimum) <= release; next = addCalendar(next, "P1D"))
    day = next;
  return day;
};

type Parts = { ledger: Ledger; tellProvider: TellProvider; publicUrl: string };

export type WatchMinimums = () => Promise<void>;

/**
 * Each minute: a change that is `short` is brought to the provider's attention once per date; and on the day before a
 * minimum ends, so are the partners who have not been told yet.
 */
export const makeWatchMinimums = ({ ledger, tellProvider, publicUrl }: Parts): WatchMinimums => {
  const pool = ledger.pools.routine;
  const proofOf = (change: string): string => `${publicUrl}/v1/changes/${change}/proof.html`;

  const tellShort = ({ change, revision, state, verdict }: AnnouncedChange): Promise<unknown> =>
    inTransaction(pool, (sql) =>
      tellProvider(sql, {
        kind: "short",
        change,
        dedupe: `short.${change}.${state.fields.releaseAt}`,
        subject: `[${change}] announced too late for its release`,
        body: `${state.fields.title}\n\nIts release, ${state.fields.releaseAt}, leaves ${verdict.noticeDays} days; ${verdict.minimum} is promised. The earliest lawful release is ${verdict.earliestRelease}.\nMove the date, or record a waiver.\n\n${proofOf(change)}`,
        facts: {
          revision,
          title: state.fields.title,
          releaseAt: state.fields.releaseAt,
          verdict,
          links: { page: proofOf(change) },
        },
      }),
    );

  const tellUntold = async ({ change, revision, state }: AnnouncedChange, last: string): Promise<void> => {
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

  return async () => {
    const today = await readClock(pool);
    for (const announced of await changesNearMinimum(pool)) {
      const { state, policy, verdict } = announced;
      const minimum = demandOf(policy, state.fields.category, state.critical).minimumNotice;
      if (minimum === undefined || state.fields.releaseAt === undefined) continue;
      if (verdict.status === "short") await tellShort(announced);
      if (hasTime(spanOf(minimum))) continue;
      const last = lastLawfulDay(releaseDay(state.fields.releaseAt, policy.timeZone), minimum);
      const day = dayOf(today, policy.timeZone);
      if (day === last || day === addCalendar(last, "P1D", -1)) await tellUntold(announced, last);
    }
  };
};
