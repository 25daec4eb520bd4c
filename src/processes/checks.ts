import { setTimeout as wait } from "node:timers/promises";
import { createTransport } from "nodemailer";
import type { Config } from "../config.ts";
import type { Ledger } from "../ledger/connection.ts";
import { epochKeyOf } from "../queue/queues.ts";
import type { Parts } from "./parts.ts";

/** Resolves to `ok` or to the problem in words, within a bounded time. */
export type Check = () => Promise<string>;
export type Checks = Record<"postgres" | "redis" | "smtp" | "queue", Check>;

const PATIENCE_MS = 2_000;
/** A relay is not asked at every probe: some count connections. */
const SMTP_REMEMBERED_MS = 15_000;

const wordsOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(wordsOf).join("; ");
  return error instanceof Error && error.message !== "" ? error.message : String(error);
};

const within =
  (look: () => Promise<string>): Check =>
  async () => {
    const late = new AbortController();
    const patience = wait(PATIENCE_MS, `did not answer within ${PATIENCE_MS} ms`, { signal: late.signal, ref: false });
    // An aborted wait is of no more interest.
    const given = patience.catch(() => "");
    try {
      return await Promise.race([look(), given]);
    } catch (error) {
      return wordsOf(error);
    } finally {
      late.abort();
    }
  };

const checkPostgres =
  ({ pools }: Ledger) =>
  async (): Promise<string> => {
    await pools.urgent.query("SELECT 1");
    return "ok";
  };

const checkSmtp = (smtpUrl: string) => {
  let seen: { at: number; state: string } | undefined;
  return async (): Promise<string> => {
    if (seen && performance.now() - seen.at < SMTP_REMEMBERED_MS) return seen.state;
    const transport = createTransport({
      url: smtpUrl,
      connectionTimeout: PATIENCE_MS,
      greetingTimeout: PATIENCE_MS,
      socketTimeout: PATIENCE_MS,
    });
    const state = await transport.verify().then(
      () => "ok",
      (error: unknown) => wordsOf(error),
    );
    transport.close();
    seen = { at: performance.now(), state };
    return state;
  };
};

const smtpOf = ({ smtpUrl }: Pick<Config, "smtpUrl">): Check =>
  smtpUrl === undefined
    ? () => Promise.resolve("SMTP_URL is not set: mails wait until it is")
    : within(checkSmtp(smtpUrl));

/** One check per part that `/readyz` lists. */
export const makeChecks = ({ ledger, redis, prefix, config }: Parts): Checks => ({
  postgres: within(checkPostgres(ledger)),
  redis: within(async () => ((await redis.ping()) === "PONG" ? "ok" : "answers something other than PONG")),
  smtp: smtpOf(config),
  queue: within(async () =>
    (await redis.exists(epochKeyOf(prefix))) === 1
      ? "ok"
      : "is empty and no scheduler has filled it yet: see that one runs",
  ),
});
