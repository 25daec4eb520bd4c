/** A paragraph that two texts share, or that only one of them has. */
export type DiffedParagraph = { kind: "same" | "added" | "removed"; text: string };

/** Longer texts are told apart as a whole: the table below would have too many cells. */
const MOST_PARAGRAPHS = 400;

const paragraphsOf = (text: string): string[] =>
  text
    .replace(/\r\n?/g, "\n")
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== "");

/** `lengths[i][j]`: how many paragraphs the rests from `i` and `j` have in common, in order. */
const commonLengths = (before: readonly string[], after: readonly string[]): number[][] => {
  const lengths = Array.from({ length: before.length + 1 }, () => Array.from({ length: after.length + 1 }, () => 0));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1)
      (lengths[i] ?? [])[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  return lengths;
};

/**
 * What became of a text, paragraph by paragraph: as few added and removed as there can be, removed before added.
 *
 * @example paragraphDiff("a\n\nb", "a\n\nc") // same a, removed b, added c
 */
export const paragraphDiff = (former: string, present: string): DiffedParagraph[] => {
  const [before, after] = [paragraphsOf(former), paragraphsOf(present)];
  const all = (kind: DiffedParagraph["kind"], texts: readonly string[]): DiffedParagraph[] =>
    texts.map((text) => ({ kind, text }));
  if (before.length > MOST_PARAGRAPHS || after.length > MOST_PARAGRAPHS)
    return [...all("removed", before), ...all("added", after)];
  const lengths = commonLengths(before, after);
  const diff: DiffedParagraph[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    const [left, right] = [before[i] ?? "", after[j] ?? ""];
    if (left === right) {
      diff.push({ kind: "same", text: left });
      i += 1;
      j += 1;
    } else if ((lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0)) {
      diff.push({ kind: "removed", text: left });
      i += 1;
    } else {
      diff.push({ kind: "added", text: right });
      j += 1;
    }
  }
  return [...diff, ...all("removed", before.slice(i)), ...all("added", after.slice(j))];
};
