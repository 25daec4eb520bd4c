import { type Fault, pathOf } from "./fault.ts";

/** INTERFACE: "At most 64 KiB an event"; measured as JSON, so that it counts alike over HTTP and on the queue. */
export const EVENT_BYTES = 64 * 1024;
/** Objects and lists within each other. */
export const EVENT_LEVELS = 32;

const bytesOf = (scalar: unknown): number => Buffer.byteLength(JSON.stringify(scalar) ?? "null");

const textFault = (text: string, what: string): string | null => {
  if (!text.isWellFormed()) return `${what} not well-formed Unicode (half a surrogate pair); correct the encoding`;
  return text.includes("\u0000") ? `${what} text with a control character in it, NUL; remove it` : null;
};

/** As `readEvent` names places: fields of the data by themselves, the whole event as `event`. */
const placeOf = (path: readonly PropertyKey[]): string =>
  pathOf(path[0] === "data" && path.length > 1 ? path.slice(1) : path) || "event";

/** Why an event cannot be stored: `too-large` is a problem of its own, everything else is `invalid`. */
export type Unfit = { problem: "too-large" | "invalid"; fault: Fault };

const invalid = (path: string, message: string): Unfit => ({ problem: "invalid", fault: { path, message } });

const TOO_LARGE: Unfit = {
  problem: "too-large",
  fault: { path: "event", message: "is larger than 64 KiB as JSON; shorten its details" },
};

type Place = { value: unknown; path: readonly PropertyKey[] };

/**
 * Why an event can be neither hashed nor stored, whatever it says; null when nothing is in the way.
 *
 * Walks without recursion and stops at the first fault, so that no input, however deep or large, costs much more than
 * the largest sound one. Over HTTP most of this is refused before; on the queue this is the gate.
 */
export const storageFault = (root: unknown): Unfit | null => {
  if (root === null || typeof root !== "object" || Array.isArray(root))
    return invalid("event", "is not a JSON object; send a CloudEvents envelope");
  const open: Place[] = [{ value: root, path: [] }];
  let bytes = 0;
  const tooLarge = (): boolean => bytes > EVENT_BYTES;
  for (let place = open.pop(); place; place = open.pop()) {
    const { value, path } = place;
    if (value === null || typeof value !== "object") {
      // A character takes a byte at least.
      bytes += typeof value === "string" && value.length > EVENT_BYTES ? value.length : bytesOf(value);
      if (tooLarge()) return TOO_LARGE;
      const fault = typeof value === "string" ? textFault(value, "is") : null;
      if (fault) return invalid(placeOf(path), fault);
      continue;
    }
    if (path.length >= EVENT_LEVELS)
      return invalid(placeOf(path.slice(0, 2)), `is nested deeper than ${EVENT_LEVELS} levels; flatten it`);
    const entries: [PropertyKey, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    bytes += 1 + Math.max(1, entries.length);
    if (tooLarge()) return TOO_LARGE;
    for (const [key, inner] of entries) {
      if (typeof key === "string") {
        bytes += key.length > EVENT_BYTES ? key.length : bytesOf(key) + 1;
        if (tooLarge()) return TOO_LARGE;
        const fault = textFault(key, "has a field whose name is");
        if (fault) return invalid(placeOf(path), fault);
      }
      open.push({ value: inner, path: [...path, key] });
    }
  }
  return null;
};

const cleanText = (text: string): string => text.toWellFormed().replaceAll("\u0000", "\ufffd");

/** A copy that PostgreSQL's `jsonb` can hold: cut off below `levels`, unfit characters as U+FFFD. */
const cleaned = (value: unknown, levels: number): unknown => {
  if (typeof value === "string") return cleanText(value);
  if (value === null || typeof value !== "object") return value;
  if (levels === 0) return "…";
  if (Array.isArray(value)) return value.map((inner: unknown) => cleaned(inner, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [cleanText(key), cleaned(inner, levels - 1)]));
};

/** The longest text that is kept of an input which is too large to be kept whole. */
const EXCERPT = 512;

/**
 * JSON of what can be stored of any input, as it is where that is possible: too deep or odd parts are replaced, and of
 * one that is larger than 64 KiB its topmost short texts are kept.
 */
export const storableJson = (value: unknown): string => {
  const whole = JSON.stringify(cleaned(value, EVENT_LEVELS)) ?? "null";
  if (Buffer.byteLength(whole) <= EVENT_BYTES) return whole;
  const entries = value !== null && typeof value === "object" ? Object.entries(value) : [];
  const short = entries.filter(([key, inner]) => key.length <= EXCERPT && typeof inner === "string").slice(0, 20);
  return JSON.stringify({
    ...Object.fromEntries(short.map(([key, inner]) => [cleanText(key), storableText(String(inner))])),
    omitted: `${Buffer.byteLength(whole)} bytes of JSON in all`,
  });
};

/** The beginning of a text, without the characters that PostgreSQL cannot hold. */
export const storableText = (text: string): string => cleanText(text.slice(0, EXCERPT));
