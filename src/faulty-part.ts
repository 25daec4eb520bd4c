/** Node's codes of a connection that cannot be made or was lost; ioredis has words of its own for its connections. */
const NODE_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ENOENT",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** PostgreSQL's classes (Appendix A): connection exception, insufficient resources, operator intervention, system error. */
const SQLSTATE = /^(?:08|53|57P|58)/;

/** What pg says without a code. */
const LEDGER_WORDS =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|client was closed|query read timeout|cannot use a pool after calling end/i;

/** What ioredis says, what Redis says while it starts or fails over, and what we say of a Redis that stands still. */
const QUEUE_WORDS =
  /command timed out|connection is closed|stream isn't writeable|max ?retries ?per ?request|^(?:Redis|the queue) (?:cannot be reached|did not answer)|^(?:LOADING|MASTERDOWN|CLUSTERDOWN) /i;

/**
 * Which of the two servers an error says cannot be reached; null when it says that a request or the program is wrong.
 *
 * @example faultyPart(new Error("Connection terminated unexpectedly")) // "ledger"
 */
export const faultyPart = (error: unknown): "ledger" | "queue" | null => {
  if (!(error instanceof Error)) return null;
  if (QUEUE_WORDS.test(error.message) || error.name === "MaxRetriesPerRequestError") return "queue";
  const { code } = error as { code?: unknown };
  const coded = typeof code === "string" && (SQLSTATE.test(code) || (NODE_CODES.has(code) && "syscall" in error));
  if (coded || LEDGER_WORDS.test(error.message)) return "ledger";
  const causes: unknown[] = error instanceof AggregateError ? [...error.errors, error.cause] : [error.cause];
  return causes.map(faultyPart).find((part) => part !== null) ?? null;
};
