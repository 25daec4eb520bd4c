import { tz } from "@date-fns/tz";
import { addDays } from "date-fns/addDays";
import { differenceInCalendarDays } from "date-fns/differenceInCalendarDays";
import { formatISO } from "date-fns/formatISO";
import { parseISO } from "date-fns/parseISO";

/** One entry of sample/real-changes.json. */
export type RealChange = {
  id: string;
  provider: string;
  title: string;
  category: string;
  businessCritical: boolean;
  announced: string | null;
  effective: string;
  moves: readonly { on: string | null; to: string }[];
  url: string;
  note: string | null;
};

/** How the demo tells time: with real calendar days, or with exact spans in which a month of 30 days takes `monthMs`. */
export type Tempo = { kind: "calendar"; timeZone: string } | { kind: "compressed"; monthMs: number };

/** One event to be sent: `afterMs` counts from the announcement of its change. */
export type Scene = { afterMs: number; kind: "created" | "updated"; fields: Record<string, unknown>; reason?: string };

/** A real change, moved so that its announcement is now. */
export type Story = {
  change: string;
  service: string;
  title: string;
  provider: string;
  remark: string | null;
  /** A release that is no date must be refused. */
  expects: "accepted" | "refused";
  scenes: Scene[];
};

/** Where neither the entry nor its note says when it was announced: a business critical minimum of three months. */
const UNKNOWN_LEAD_DAYS = 92;
const DAYS_A_MONTH = 30;
/** In calendar tempo nobody waits for days: a move follows its announcement by seconds. */
const MOVE_AFTER_MS = 4_000;

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const UTC = { in: tz("UTC") };

const daysBetween = (from: string, to: string): number =>
  differenceInCalendarDays(parseISO(to, UTC), parseISO(from, UTC), UTC);

/** The day of the announcement: the entry's own, else the first day that its note names. */
const announcedOn = (real: RealChange): string | null =>
  real.announced ?? /\d{4}-\d{2}-\d{2}/.exec(real.note ?? "")?.[0] ?? null;

/** `lets-encrypt` of `Let's Encrypt`. */
export const serviceOf = (provider: string): string =>
  provider
    .toLowerCase()
    .replace(/['’]/g, "")
    .replace(/[^a-z0-9]+/g, "-");

/** The release date `days` after the announcement: a date in calendar tempo, a UTC time in compressed tempo. */
export const releaseAt = (days: number, { now, tempo }: { now: Date; tempo: Tempo }): string =>
  tempo.kind === "calendar"
    ? formatISO(addDays(now, days, { in: tz(tempo.timeZone) }), { representation: "date" })
    : new Date(now.getTime() + (days / DAYS_A_MONTH) * tempo.monthMs).toISOString();

/**
 * What the demo plays of one real change: its announcement with the real lead time from now, then its moves.
 *
 * A release that is no date (`Summer '23`) is sent as it is, for the policy to refuse, and its moves are left out.
 */
export const storyOf = (real: RealChange, { now, tempo }: { now: Date; tempo: Tempo }): Story => {
  const announced = announcedOn(real);
  const leadOf = (day: string): number =>
    announced ? daysBetween(announced, day) : UNKNOWN_LEAD_DAYS + daysBetween(real.effective, day);
  const dated = DAY.test(real.effective);
  const created: Scene = {
    afterMs: 0,
    kind: "created",
    fields: {
      category: real.category,
      service: serviceOf(real.provider),
      title: real.title,
      summary: `Announced by ${real.provider}${announced ? ` on ${announced}` : ""} for ${real.effective}; told here as if today, with the same lead time.`,
      releaseAt: dated ? releaseAt(leadOf(real.effective), { now, tempo }) : real.effective,
      businessCritical: real.businessCritical,
      links: [{ rel: "announcement", href: real.url, title: `What ${real.provider} wrote` }],
    },
  };
  const spanMs = (days: number): number => (tempo.kind === "calendar" ? 0 : (days / DAYS_A_MONTH) * tempo.monthMs);
  const moves = real.moves
    .filter((move) => dated && DAY.test(move.to))
    .map((move, at, all): Scene => {
      // A move on a day that is not known is told within the first lead, so that it is always news.
      const day = move.on ? leadOf(move.on) : (leadOf(real.effective) * (at + 1)) / (all.length + 1);
      return {
        afterMs: tempo.kind === "compressed" ? spanMs(day) : MOVE_AFTER_MS * (at + 1),
        kind: "updated",
        fields: { releaseAt: releaseAt(leadOf(move.to), { now, tempo }) },
        reason: `${real.provider} moved it from ${at === 0 ? real.effective : (all[at - 1]?.to ?? "")} to ${move.to}`,
      };
    });
  return {
    change: real.id,
    service: serviceOf(real.provider),
    title: real.title,
    provider: real.provider,
    remark: announced || !dated ? null : "its real day of announcement is not known",
    expects: dated ? "accepted" : "refused",
    scenes: [created, ...moves],
  };
};
