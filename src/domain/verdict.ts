/** A forecast of one revision's notice, as if every partner were told at acceptance. */
export type Verdict = {
  status: "none" | "met" | "short" | "waived";
  /** ISO 8601 duration that the category demands; null when it demands none. */
  minimum: string | null;
  /** Whole calendar days and months from telling to release in the policy's zone; null without a release date. */
  noticeDays: number | null;
  noticeMonths: number | null;
  /** Whole days missing; 0 when met. */
  shortByDays: number;
  /** The earliest lawful release: a date, or a UTC time for minimums with a time part; null when nothing is demanded. */
  earliestRelease: string | null;
};
