import { z } from "zod";
import { PROBLEMS, type ProblemName } from "../../errors.ts";
import { PROBLEM_TYPE } from "../problem.ts";

/** RFC 9457, as the API answers it. */
export const problem = z
  .object({
    type: z.string().describe("PUBLIC_URL/problems/<name>"),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string(), line: z.int().optional() }))
      .optional()
      .describe("A field, what is wrong with it and what to do"),
  })
  .meta({ id: "Problem" });

/** The responses of the problems that a route may answer, besides those that any may. */
export const problems = (...names: ProblemName[]) =>
  Object.fromEntries(
    [...new Set<ProblemName>(["unauthorized", "forbidden", "rate-limited", "unavailable", ...names])].map((name) => [
      PROBLEMS[name].status,
      { description: PROBLEMS[name].title, content: { [PROBLEM_TYPE]: { schema: problem } } },
    ]),
  );
