import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Fault } from "../domain/fault.ts";
import { Problem, PROBLEMS, type ProblemName } from "../errors.ts";
import { faultyPart } from "../faulty-part.ts";

/** RFC 9457: what every refusal of the API looks like. */
export type ProblemBody = { type: string; title: string; status: number; detail: string; errors?: readonly Fault[] };

export const PROBLEM_TYPE = "application/problem+json";

/** Seconds until it is worth asking again, where the answer says so. */
const RETRY_AFTER_SECONDS = 5;

declare module "fastify" {
  interface FastifyContextConfig {
    /** How large a body may be, where the server's own limit does not say it. */
    takes?: string;
  }
}

/** Every content type that any call reads. */
const CONTENT_TYPES = [
  "application/json",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "text/csv",
  "application/x-ndjson",
  "message/rfc822",
  "application/x-www-form-urlencoded",
];

/** Fastify's own refusals → our problems; anything else it refuses with 4xx is `malformed`. */
const FASTIFY_CODES: Record<string, { problem: ProblemName; detail: (request: FastifyRequest) => string }> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    problem: "too-large",
    detail: ({ routeOptions: { config, bodyLimit } }) =>
      `the body is larger than this call takes, ${config.takes ?? `${bodyLimit / 1024} KiB`}; send less at once`,
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    problem: "unsupported-media-type",
    detail: ({ headers, server }) => {
      const known = CONTENT_TYPES.filter((type) => server.hasContentTypeParser(type));
      return `this call does not read ${headers["content-type"]}; send ${known.join(" or ")}`;
    },
  },
  FST_ERR_NOT_FOUND: { problem: "not-found", detail: () => "there is no such address" },
};

/** The refusal behind any error of a request; null when it is a bug of ours. */
export const problemOf = (error: unknown, request: FastifyRequest): Problem | null => {
  if (error instanceof Problem) return error;
  if (faultyPart(error) !== null)
    return new Problem("unavailable", "the ledger or the queue cannot be reached at the moment; try again shortly");
  const { code, statusCode, message } = error as Partial<FastifyError>;
  const known = code === undefined ? undefined : FASTIFY_CODES[code];
  if (known) return new Problem(known.problem, known.detail(request));
  return statusCode !== undefined && statusCode >= 400 && statusCode < 500
    ? new Problem("malformed", message ?? "the request cannot be read")
    : null;
};

export const problemBody = (problem: Problem, publicUrl: string): ProblemBody => {
  const { status, title } = PROBLEMS[problem.problem];
  return {
    type: `${publicUrl}/problems/${problem.problem}`,
    title,
    status,
    detail: problem.message,
    ...(problem.problem === "invalid" || problem.faults.length > 0 ? { errors: problem.faults } : {}),
  };
};

/** A bug: RFC 9457 §4.2.1 gives `about:blank` to what has no type of its own. */
export const BUG_BODY: ProblemBody = {
  type: "about:blank",
  title: "Internal Server Error",
  status: 500,
  detail: "this is a fault of the server, not of the request; it is in the server's log",
};

/** Headers that belong to a problem wherever it comes from. */
const HEADERS: Partial<Record<ProblemName, Record<string, string>>> = {
  unauthorized: { "www-authenticate": 'Bearer realm="forewarn"' },
  unavailable: { "retry-after": String(RETRY_AFTER_SECONDS) },
  "rate-limited": { "retry-after": String(RETRY_AFTER_SECONDS) },
};

/** Gives an answer the headers of its problem; a `retry-after` that was set before stays. */
export const problemHeaders = (reply: FastifyReply, { problem }: Problem): FastifyReply => {
  for (const [name, value] of Object.entries(HEADERS[problem] ?? {}))
    if (!reply.hasHeader(name)) reply.header(name, value);
  return reply;
};

/** Answers with a problem. */
export const sendProblem = (reply: FastifyReply, problem: Problem, publicUrl: string): FastifyReply =>
  problemHeaders(reply, problem)
    .code(PROBLEMS[problem.problem].status)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemBody(problem, publicUrl));
