import type { Fault } from "./domain/fault.ts";

/** Every problem the API answers; `type` is PUBLIC_URL/problems/<name>. */
export const PROBLEMS = {
  malformed: { status: 400, title: "The request cannot be read" },
  unauthorized: { status: 401, title: "A valid API key is needed" },
  forbidden: { status: 403, title: "This API key lacks the scope" },
  "not-found": { status: 404, title: "There is no such thing here" },
  conflict: { status: 409, title: "This contradicts what is already recorded" },
  "too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "This content type is not understood" },
  invalid: { status: 422, title: "The input is not valid" },
  "rate-limited": { status: 429, title: "Too many requests" },
  unavailable: { status: 503, title: "A part that is needed cannot be reached" },
} as const;
export type ProblemName = keyof typeof PROBLEMS;

/** A refusal that a caller can act on; the API turns it into RFC 9457 problem+json, the CLI into a line per fault. */
export class Problem extends Error {
  readonly problem: ProblemName;
  readonly faults: readonly Fault[];
  constructor(problem: ProblemName, detail: string, faults: readonly Fault[] = []) {
    super(detail);
    this.name = "Problem";
    this.problem = problem;
    this.faults = faults;
  }
}

/** An error's own words; of an error that stands for several, those of each. */
export const wordsOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join("; ");
  return error instanceof Error && error.message !== "" ? error.message : String(error);
};
