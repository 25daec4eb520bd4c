/** Node's codes of a connection that cannot be made or was lost. */
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

/** What pg and ioredis say without a code. */
const WORDS =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|connection is closed|stream isn't writeable|max ?retries ?per ?request|cannot use a pool after calling end/i;

/** Whether an error says that PostgreSQL or Redis cannot be reached, rather than that the request or the program is wrong. */
export const isInfrastructureFault = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isInfrastructureFault)) return true;
  const { code } = error as { code?: unknown };
  const coded = typeof code === "string" && (SQLSTATE.test(code) || (NODE_CODES.has(code) && "syscall" in error));
  return (
    coded ||
    WORDS.test(error.message) ||
    error.name === "MaxRetriesPerRequestError" ||
    isInfrastructureFault(error.cause)
  );
};
