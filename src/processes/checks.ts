import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import { createTransport } from "nodemailer";
import type { Config } from "../config.ts";
import type { Ledger } from "../ledger/connection.ts";
import { wordsOf } from "../errors.ts";
import { countOverdue, overdueWords } from "../ledger/overdue.ts";
import { epochKeyOf } from "../queue/queues.ts";
import { readSettings, settingFaults } from "../queue/settings.ts";
import { relayOf } from "../senders/smtp-session.ts";
import type { Parts } from "./parts.ts";

/** Resolves to `ok` or to the problem in words, within a bounded time. */
export type Check = () => Promise<string>;
export type Checks = Record<"postgres" | "redis" | "smtp" | "queue", Check>;

const PATIENCE_MS = 2_000;
/** A relay is not asked at every probe: some count connections. */
const SMTP_REMEMBERED_MS = 15_000;
const SETTINGS_REMEMBERED_MS = 5_000;
const OVERDUE_REMEMBERED_MS = 2_000;

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

/** `ok`, or what the relay has against us: EHLO and, with credentials, AUTH; no mail is begun. */
export const smtpState = async (smtpUrl: string): Promise<string> => {
  // As the sender connects: a probe must not send the password where the sender would not.
  const { options, auth } = relayOf(smtpUrl, PATIENCE_MS);
  const transport = createTransport({ ...options, ...(auth ? { auth } : {}), socketTimeout: PATIENCE_MS });
  try {
    await transport.verify();
    return "ok";
  } catch (error) {
    return wordsOf(error);
  } finally {
    transport.close();
  }
};
/** Answers what the last look found while that is recent: probes come every few seconds, and looking costs something. */
const remembered = (rememberedMs: number, look: () => Promise<string>): (() => Promise<string>) => {
  let seen: { at: number; state: string } | undefined;
  return async () => {
    if (!seen || performance.now() - seen.at >= rememberedMs) seen = { at: performance.now(), state: await look() };
    return seen.state;
  };
};

const smtpOf = ({ smtpUrl }: Pick<Config, "smtpUrl">): Check =>
  smtpUrl === undefined
    ? () => Promise.resolve("SMTP_URL is not set: mails wait until it is")
    : within(remembered(SMTP_REMEMBERED_MS, () => smtpState(smtpUrl)));

const checkRedis = (redis: Redis): (() => Promise<string>) => {
  const settings = remembered(SETTINGS_REMEMBERED_MS, async () => {
    const faults = settingFaults(await readSettings(redis));
    return faults.map(({ path, message }) => `${path} ${message}`).join("; ") || "ok";
  });
  return async () => ((await redis.ping()) === "PONG" ? settings() : "answers something other than PONG");
};

const checkQueue = ({ redis, prefix, ledger }: Pick<Parts, "redis" | "prefix" | "ledger">): (() => Promise<string>) => {
  const overdue = remembered(
    OVERDUE_REMEMBERED_MS,
    async () => overdueWords(await countOverdue(ledger.pools.urgent)) ?? "ok",
  );
  return async () =>
    (await redis.exists(epochKeyOf(prefix))) === 1
      ? overdue()
      : "is empty and no scheduler has filled it yet: see that one runs";
};

/** One check per part that `/readyz` lists. */
export const makeChecks = ({ ledger, redis, prefix, config }: Parts): Checks => ({
  postgres: within(checkPostgres(ledger)),
  redis: within(checkRedis(redis)),
  smtp: smtpOf(config),
  queue: within(checkQueue({ redis, prefix, ledger })),
});
