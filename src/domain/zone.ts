import { tzOffset } from "@date-fns/tz";

/** What a clock in `zone` shows at an instant, as the milliseconds that UTC's clock would show it at. */
export const localMs = (instantMs: number, zone: string): number =>
  instantMs + Math.round(tzOffset(zone, new Date(instantMs)) * 60_000);

/**
 * When a clock in `zone` shows what UTC's clock shows at `local`. Offsets differ by at most 26 hours, so the two a day
 * away on either side are the one before and the one after a change of clocks nearby. The larger gives the earlier
 * instant; a time that neither offset shows was skipped, and counting on from before the change moves it forward.
 */
export const resolveLocal = (local: number, zone: string): { ms: number; skipped: boolean } => {
  const offsets = [local - 86_400_000, local + 86_400_000].map((probe) => localMs(probe, zone) - probe);
  const found = offsets
    .map((offset) => local - offset)
    .filter((ms) => localMs(ms, zone) === local)
    .toSorted((a, b) => a - b)[0];
  return found === undefined ? { ms: local - (offsets[0] ?? 0), skipped: true } : { ms: found, skipped: false };
};

/** The first instant after a change of clocks that lies up to a day before `ms`. */
export const afterChange = (ms: number, zone: string): number => {
  const offset = (at: number) => localMs(at, zone) - at;
  let [before, after] = [ms - 86_400_000, ms];
  const target = offset(after);
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offset(middle) === target) after = middle;
    else before = middle;
  }
  return after;
};
