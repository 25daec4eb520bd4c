import { z } from "zod";
import { Problem } from "../../errors.ts";

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

const notANumber = `is not a number from 1 to ${MAX_PAGE}`;

/** What every list takes. */
export const PAGE = {
  limit: z.coerce.number(notANumber).int(notANumber).min(1, notANumber).max(MAX_PAGE, notANumber).default(DEFAULT_PAGE),
  cursor: z.string().max(512, "is not a cursor; use the `next` of the page before").optional(),
};

/** What every list answers; `next` is null on the last page. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe("Give it as `cursor` to read on") });

export type CursorKey = readonly (string | number)[];

/** A cursor is the last entry's key, opaque to callers. */
export const writeCursor = (key: CursorKey): string => Buffer.from(JSON.stringify(key)).toString("base64url");

/** The key in a cursor, or `first` without one. Throws Problem `invalid` when it is not one of this list's. */
export const readCursor = <K extends CursorKey>(cursor: string | undefined, first: K): K => {
  if (cursor === undefined) return first;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (
      Array.isArray(key) &&
      key.length === first.length &&
      first.every(
        (part, at) => typeof part === typeof key[at] && (typeof part === "string" || Number.isSafeInteger(key[at])),
      )
    )
      return key as unknown as K;
  } catch {
    // What cannot be parsed is refused below.
  }
  const fault = { path: "cursor", message: "is not a cursor of this list; use the `next` of the page before" };
  throw new Problem("invalid", "the cursor is not valid", [fault]);
};

/** A page out of rows that were read with one more than `limit`. */
export const pageOf = <R, T>(rows: readonly R[], limit: number, keyOf: (row: R) => CursorKey, show: (row: R) => T) => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), next: rows.length > limit && last !== undefined ? writeCursor(keyOf(last)) : null };
};
