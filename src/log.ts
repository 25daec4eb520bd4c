import { type Logger, pino } from "pino";

export type Log = Logger;

/** Fields that may carry a secret or a partner's address; shown only at debug and below. */
const REDACTED = ["address", "addresses", "secret", "secrets", "key", "authorization", "url", "email", "to"];
const CENSOR = "[redacted]";

/** A count, or counts by name: what is kept under a channel's name is no address. Bytes are objects of another kind. */
const isCounts = (value: unknown): boolean =>
  typeof value === "number" ||
  (typeof value === "object" &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every((one) => typeof one === "number"));

const censored = (value: unknown): unknown => (isCounts(value) ? value : CENSOR);

const redacted = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value;
  const found = REDACTED.filter((name) => Object.hasOwn(value, name));
  if (found.length === 0) return value;
  return { ...value, ...Object.fromEntries(found.map((name) => [name, censored(Reflect.get(value, name))])) };
};

/**
 * Redacts what a line's fields hold. Not as pino's paths `*.address`, which are read anew for each field of each line and took
 * three quarters of its time.
 */
const redactedWithin = (fields: Record<string, unknown>): Record<string, unknown> => {
  const shown: Record<string, unknown> = {};
  // An error is serialized first, and then redacted.
  for (const [name, value] of Object.entries(fields)) shown[name] = name === "err" ? value : redacted(value);
  return shown;
};

/** One level of objects deep, in lines and their errors; of what a child binds, the fields themselves. */
const REDACTING = {
  redact: { paths: REDACTED, censor: censored },
  formatters: { log: redactedWithin },
  serializers: {
    err: (error: Error): unknown => redacted(pino.stdSerializers.err(error)),
    // Fastify's own would give the URL, which may hold a partner's token.
    req: ({ id, method }: { id?: unknown; method?: unknown }): unknown => ({ id, method }),
  },
};

/** JSON lines on standard output (`destination` for tests); one wide line per fact, secrets and addresses redacted above debug. */
export const makeLog = (level: string, destination?: { write(line: string): void }): Log =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      ...(level === "debug" || level === "trace" ? {} : REDACTING),
    },
    destination ?? pino.destination(1),
  );
