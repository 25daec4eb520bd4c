import { dateWords } from "../render/release-words.ts";
import type { Words } from "../render/words.ts";

const MEDIUM = { dateStyle: "medium", timeStyle: "short" } as const;

/** A moment in a line of a list. @example shortMoment(wordsFor("en"), "UTC", new Date(0)) // "1 Jan 1970, 00:00" */
export const shortMoment = (words: Words, zone: string, at: Date): string =>
  dateWords(words, at, { ...MEDIUM, timeZone: zone });
