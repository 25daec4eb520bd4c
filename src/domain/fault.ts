import type { z } from "zod";

/** One fault of an input: `path` names the field, `message` the problem and the remedy. */
export type Fault = { path: string; message: string };

/** A field's place as people write it. @example pathOf(["categories", "major", "notices", 2]) // "categories.major.notices[2]" */
export const pathOf = (steps: readonly PropertyKey[]): string =>
  steps.map((step, at) => (typeof step === "number" ? `[${step}]` : `${at === 0 ? "" : "."}${String(step)}`)).join("");

/** How many letters must be changed, left out or added to make one word of another (Levenshtein). */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [i, letter] of a.split("").entries()) {
    const next = [i + 1];
    for (const [j, other] of b.split("").entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? 0;
};

/** The known name that is nearest to `name`; undefined when none is near. */
export const nearestOf = (name: string, known: readonly string[]): string | undefined =>
  known
    .map((candidate) => ({ candidate, far: distance(name.slice(0, 64).toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, far }) => far <= Math.max(1, Math.floor(candidate.length / 3)))
    .toSorted((a, b) => a.far - b.far)[0]?.candidate;

/**
 * What to say of a name that nobody knows: the nearest known one when it is near, or else all of them.
 *
 * @example unknownName("minimumNotise", ["minimumNotice", "lane"]) // "is unknown, did you mean minimumNotice?"
 */
export const unknownName = (name: string, known: readonly string[]): string => {
  const near = nearestOf(name, known);
  if (near !== undefined) return `is unknown, did you mean ${near}?`;
  return known.length > 0 ? `is unknown; known are ${known.join(", ")}` : "is unknown; leave it out";
};

/** The names known at the top, or those known at each place of a nested input. */
export type KnownNames = readonly string[] | ((path: readonly PropertyKey[]) => readonly string[]);

/** zod's issues as faults: one for each unknown name, and the schema's own sentence for every other issue. */
export const faultsOf = (issues: readonly z.core.$ZodIssue[], known: KnownNames): Fault[] =>
  issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          path: pathOf([...issue.path, key]),
          message: unknownName(
            key,
            typeof known === "function" ? known(issue.path) : issue.path.length === 0 ? known : [],
          ),
        }))
      : [{ path: pathOf(issue.path), message: issue.message }],
  );
