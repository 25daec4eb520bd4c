import { releaseInstant, shiftInstant } from "./calendar.ts";

/** How long a partner's page of a change stays open once the change is in effect. */
const OPEN_FOR = { months: 0, days: 90, ms: 0 };

type PageLife = {
  /** Undated changes stay open. */
  releaseAt: string | undefined;
  releasedAt: Date | null;
  /** A page is never closed to those who were told of it only now. */
  revisedAt: Date;
  /** The policy's zone. */
  zone: string;
};

/**
 * When a partner's page of a change closes: 90 days after its release, or after its last revision when that came later.
 *
 * @example pageClosesAt({ releaseAt: "2027-03-01", releasedAt: null, revisedAt: new Date(0), zone: "UTC" }) // 2027-05-30T00:00:00Z
 */
export const pageClosesAt = ({ releaseAt, releasedAt, revisedAt, zone }: PageLife): Date | null => {
  if (releaseAt === undefined) return null;
  const last = Math.max(releaseInstant(releaseAt, zone).getTime(), releasedAt?.getTime() ?? 0, revisedAt.getTime());
  return shiftInstant(new Date(last), OPEN_FOR, 1, zone);
};
