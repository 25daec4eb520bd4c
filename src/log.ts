import { type Logger, pino } from "pino";

export type Log = Logger;

/** Fields that may carry a secret or a partner's address; shown only at debug and below. */
const REDACTED = ["address", "addresses", "secret", "secrets", "key", "authorization", "url", "email", "to"];

/** JSON lines on standard output (`destination` for tests); one wide line per fact, secrets and addresses redacted above debug. */
export const makeLog = (level: string, destination?: { write(line: string): void }): Log =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact:
        level === "debug" || level === "trace"
          ? []
          : { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
    },
    destination ?? pino.destination(1),
  );
