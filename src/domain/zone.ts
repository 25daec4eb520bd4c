import { tzOffset } from "@date-fns/tz";
import { millisecondsInDay, millisecondsInMinute } from "date-fns/constants";

/** A day: no zone changes its clocks twice in two of them. */
const PROBE_MS = millisecondsInDay;
/** Offsets kept of a zone, about 100 kB. */
const MAX_KEPT = 2_000;
const kept = new Map<string, Map<number, number>>();

/**
 * Planning asks for the same few instants again and again, and Intl takes 8 µs for each. One offset for each minute: since 1973
 * no zone has changed its clocks within one.
 */
const offsetMs = (instantMs: number, zone: string): number => {
  let known = kept.get(zone);
  if (known === undefined) kept.set(zone, (known = new Map()));
  const minute = Math.floor(instantMs / millisecondsInMinute);
  const found = known.get(minute);
  if (found !== undefined) return found;
  if (known.size >= MAX_KEPT) known.clear();
  const offset = Math.round(tzOffset(zone, new Date(instantMs)) * millisecondsInMinute);
  known.set(minute, offset);
  return offset;
};

/** What a clock in `zone` shows at an instant, as the milliseconds that UTC's clock would show it at. */
export const localMs = (instantMs: number, zone: string): number => instantMs + offsetMs(instantMs, zone);

/**
 * When a clock in `zone` shows what UTC's clock shows at `local`. Offsets differ by at most 26 hours, so the two a day
 * away on either side are the one before and the one after a change of clocks nearby. The larger gives the earlier
 * instant; a time that neither offset shows was skipped, and counting on from before the change moves it forward.
 */
export const resolveLocal = (local: number, zone: string): { ms: number; skipped: boolean } => {
  const before = offsetMs(local - PROBE_MS, zone);
  const after = offsetMs(local + PROBE_MS, zone);
  if (before === after) return { ms: local - before, skipped: false };
  const earlier = local - Math.max(before, after);
  if (localMs(earlier, zone) === local) return { ms: earlier, skipped: false };
  const later = local - Math.min(before, after);
  if (localMs(later, zone) === local) return { ms: later, skipped: false };
  return { ms: local - before, skipped: true };
};

/** The first instant after a change of clocks that lies up to a day before `ms`. */
export const afterChange = (ms: number, zone: string): number => {
  let [before, after] = [ms - PROBE_MS, ms];
  const target = offsetMs(after, zone);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetMs(middle, zone) === target) after = middle;
    else before = middle;
  }
  return after;
};
