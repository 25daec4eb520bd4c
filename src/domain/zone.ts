import { tzOffset } from "@date-fns/tz";
import { millisecondsInDay } from "date-fns/constants";

/** A day: no zone changes its clocks twice in two of them. */
const PROBE_MS = millisecondsInDay;
/** Offsets kept of a zone, about 100 kB. */
const MAX_KEPT = 2_000;
const kept = new Map<string, Map<number, number>>();

/** Planning asks for the same few instants again and again, and Intl takes 8 µs for each. */
const offsetMs = (instantMs: number, zone: string): number => {
  const known = kept.get(zone) ?? new Map<number, number>();
  kept.set(zone, known);
  const found = known.get(instantMs);
  if (found !== undefined) return found;
  if (known.size >= MAX_KEPT) known.clear();
  const offset = Math.round(tzOffset(zone, new Date(instantMs)) * 60_000);
  known.set(instantMs, offset);
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
  const offsets = [local - PROBE_MS, local + PROBE_MS].map((probe) => localMs(probe, zone) - probe);
  const found = offsets
    .map((offset) => local - offset)
    .filter((ms) => localMs(ms, zone) === local)
    .toSorted((a, b) => a - b)[0];
  return found === undefined ? { ms: local - (offsets[0] ?? 0), skipped: true } : { ms: found, skipped: false };
};

/** The first instant after a change of clocks that lies up to a day before `ms`. */
export const afterChange = (ms: number, zone: string): number => {
  const offset = (at: number) => localMs(at, zone) - at;
  let [before, after] = [ms - PROBE_MS, ms];
  const target = offset(after);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offset(middle) === target) after = middle;
    else before = middle;
  }
  return after;
};
