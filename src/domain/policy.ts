import type { Category, Lane } from "./category.ts";

/** ISO 8601 duration, `P3M`, `P14D`, `PT10S`; with a leading minus it is an offset before the release. */
export type IsoDuration = string;

export type CategoryPolicy = {
  minimumNotice?: IsoDuration;
  /** Release no further ahead than this. */
  releaseWithin?: IsoDuration;
  /** `announcement`, or offsets from the release date. */
  notices: string[];
  lane?: Lane;
};

/** INTERFACE: "Policy file". Every field is present once defaults are filled in. */
export type Policy = {
  timeZone: string;
  /** `HH:MM` wall clock in `timeZone` for offsets of whole days or months. */
  sendAt: string;
  categories: Record<Category | "majorCritical", CategoryPolicy>;
  retries: { webhook: IsoDuration[]; email: IsoDuration[] };
  disableAfter: IsoDuration;
  heldDays: string[];
  onRelease: boolean;
  timeouts: { webhook: IsoDuration; email: IsoDuration };
};
