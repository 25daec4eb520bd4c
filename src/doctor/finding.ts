/** `good`, `doubtful` (works, and should be looked at), `broken`, or `skipped`: there is nothing to look at. */
export type FindingState = "good" | "doubtful" | "broken" | "skipped";

/** What was found of one part, and what to do where it is not good. */
export type Finding = { part: string; state: FindingState; says: string; remedy: string | null };

export const good = (part: string, says: string): Finding => ({ part, state: "good", says, remedy: null });
export const skipped = (part: string, says: string): Finding => ({ part, state: "skipped", says, remedy: null });
export const doubtful = (part: string, says: string, remedy: string): Finding => ({
  part,
  state: "doubtful",
  says,
  remedy,
});
export const broken = (part: string, says: string, remedy: string): Finding => ({
  part,
  state: "broken",
  says,
  remedy,
});
