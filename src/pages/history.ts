import type { Change, ChangeFields, ChangeStatus, Difference } from "../domain/change.ts";
import type { HistoryEntry } from "../ledger/histories.ts";
import { type DifferenceRow, differenceRows } from "../render/difference-rows.ts";
import { type DiffedParagraph, paragraphDiff } from "../render/paragraph-diff.ts";
import { plainLine } from "../render/plain-text.ts";
import type { Zones } from "../render/release-words.ts";
import type { WordKey, Words } from "../render/words.ts";
import { shortMoment } from "./moments.ts";

/** What differs between two states of a change, as pages show it. */
export type ShownDifference = { rows: DifferenceRow[]; paragraphs: DiffedParagraph[] };

export type ShownRevision = ShownDifference & {
  label: string;
  revision: string;
  when: string;
  /** RFC 3339, for `datetime`. */
  at: string;
  reason: string | null;
};

type Told = { words: Words; zones: Zones };

/** Which word stands for an event on the change as a whole, where it did what it says. */
const EVENT_LABELS: Readonly<Record<string, { status: ChangeStatus; label: WordKey }>> = {
  "forewarn.change.cancelled": { status: "cancelled", label: "history.cancelled" },
  "forewarn.change.released": { status: "released", label: "history.released" },
};

/** Which word stands for a revision: the weightiest of what it changed. */
const FIELD_LABELS: readonly { field: keyof ChangeFields; label: WordKey }[] = [
  { field: "category", label: "history.reclassified" },
  { field: "releaseAt", label: "history.rescheduled" },
];

/** Null for a revision that says nothing: all of its event was outdated, or as it was before. */
const labelOf = ({ type, revision, state, differs, minor }: HistoryEntry): WordKey | null => {
  const byEvent = EVENT_LABELS[type];
  if (byEvent) return byEvent.status === state.status ? byEvent.label : null;
  if (revision === 1) return state.fields.category === "normal" ? "history.recorded" : "history.announced";
  const found = FIELD_LABELS.find(({ field }) => Object.hasOwn(differs, field));
  if (found) return found.label;
  if (Object.keys(differs).length === 0) return null;
  return minor ? "history.minor" : "history.amended";
};

/** Former values beside present ones; the details paragraph by paragraph. */
export const shownDifference = (
  previous: Difference,
  after: Pick<Change, "fields" | "critical">,
  told: Told,
): ShownDifference => {
  const { details, ...others } = previous;
  const rows = differenceRows(others, after, told);
  if (!Object.hasOwn(previous, "details")) return { rows, paragraphs: [] };
  const diff = paragraphDiff(typeof details === "string" ? details : "", after.fields.details ?? "");
  return { rows, paragraphs: diff.filter(({ kind }) => kind !== "same") };
};

/** Every revision that says anything, the newest first. */
export const shownHistory = (history: readonly HistoryEntry[], told: Told): ShownRevision[] =>
  history.toReversed().flatMap((entry) => {
    const label = labelOf(entry);
    if (label === null) return [];
    return {
      label: told.words.say(label),
      revision: told.words.say("history.revision", { revision: entry.revision }),
      when: shortMoment(told.words, told.zones.partner, entry.at),
      at: entry.at.toISOString(),
      reason: entry.reason === null ? null : plainLine(entry.reason),
      ...shownDifference(entry.differs, entry.state, told),
    };
  });
