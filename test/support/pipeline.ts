import { randomBytes } from "node:crypto";
import { readConfig } from "../../src/config.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/domain/policy.ts";
import { type AcceptEvent, makeAcceptEvent } from "../../src/flow/accept-event.ts";
import type { EventAnswer } from "../../src/flow/decide-event.ts";
import type { Sql } from "../../src/ledger/connection.ts";
import { connect } from "../../src/processes/connect.ts";
import type { Parts } from "../../src/processes/parts.ts";
import { startScheduler } from "../../src/processes/scheduler.ts";
import { startSender } from "../../src/processes/sender.ts";
import { newSecret } from "../../src/senders/signature.ts";
import { atEnd } from "./at-end.ts";
import { type Mailbox, startMailbox } from "./mailbox.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { freshDatabase, freshRedis, quietLog } from "./servers.ts";
import { until } from "./until.ts";

/** The whole pipeline in this process, on a database and a key prefix of its own, with a mailbox and a receiver at its end. */
export type Pipeline = {
  parts: Parts;
  sql: Sql;
  mailbox: Mailbox;
  receiver: Receiver;
  accept: AcceptEvent;
  /** Accepts a created event and answers its plan; throws when it is refused. */
  announce(data: Record<string, unknown>): Promise<EventAnswer>;
  /** Accepts any event of a change. */
  say(kind: "created" | "updated" | "cancelled" | "released", data: Record<string, unknown>): Promise<EventAnswer>;
  /** A partner with a mail address, a webhook at `receiver`'s `/<partner>`, or both; answers the webhook's secret. */
  addPartner(
    partner: string,
    channels: readonly ("email" | "webhook")[],
    rest?: { subscriptions?: string[]; locale?: string; timeZone?: string },
  ): Promise<string>;
  /** `count` partners `p1`, `p2`, … with one endpoint each: all share one webhook secret, which it answers. */
  addPartners(count: number, channel: "email" | "webhook"): Promise<string>;
  addService(service: string, businessCritical?: boolean): Promise<void>;
  /** Resolves when nothing is on its way: what still waits is due in more than ten minutes. */
  quiet(deadlineMs?: number): Promise<void>;
  /** How many deliveries are in each state. */
  counts(): Promise<Record<string, number>>;
};

let events = 0;

/** A CloudEvents envelope with an id of its own. */
export const envelope = (
  kind: string,
  data: Record<string, unknown>,
  rest: Record<string, unknown> = {},
): Record<string, unknown> => {
  events += 1;
  return {
    specversion: "1.0",
    id: `test-${process.pid}-${events}`,
    source: "/test",
    type: `forewarn.change.${kind}`,
    data,
    ...rest,
  };
};

type PipelineOptions = {
  policy?: Policy;
  /** False: nothing plans or sends; the test starts what it wants. */
  running?: boolean;
  /** Instead of ones of its own. */
  databaseUrl?: string;
  redis?: { url: string; prefix: string };
  secret?: string;
  /** The provider's own. */
  contact?: string;
};

export const startPipeline = async ({
  policy = DEFAULT_POLICY,
  running = true,
  ...given
}: PipelineOptions = {}): Promise<Pipeline> => {
  const [databaseUrl, redis, mailbox, receiver] = await Promise.all([
    given.databaseUrl ?? freshDatabase(),
    given.redis ?? freshRedis(),
    startMailbox(),
    startReceiver(),
  ]);
  const config = {
    ...readConfig({}),
    databaseUrl,
    redisUrl: redis.url,
    secret: given.secret ?? randomBytes(48).toString("base64"),
    smtpUrl: mailbox.url,
    webhookAllow: ["127.0.0.0/8"],
    contact: given.contact,
  };
  const parts: Parts = { ...(await connect(config, quietLog, redis.prefix)), policy };
  atEnd(() => parts.close());
  if (running) {
    const processes = await Promise.all([
      startScheduler(parts),
      startSender("email", parts),
      startSender("webhook", parts),
    ]);
    atEnd(async () => void (await Promise.all(processes.map((one) => one.stop()))));
  }
  const sql = parts.ledger.pools.routine;
  const accept = makeAcceptEvent(parts);

  const say: Pipeline["say"] = async (kind, data) => {
    const result = await accept(envelope(kind, data));
    if (result.kind === "refused") throw result.problem;
    return result.answer;
  };
  const counts: Pipeline["counts"] = async () => {
    const { rows } = await sql.query<{ status: string; count: number }>(
      "SELECT status, count(*) AS count FROM deliveries GROUP BY status",
    );
    return Object.fromEntries(rows.map((row) => [row.status, row.count]));
  };
  const isQuiet = async (): Promise<boolean> => {
    const { rows } = await sql.query<{ open: boolean }>(
      `SELECT EXISTS (SELECT FROM revisions WHERE planned_at IS NULL)
           OR EXISTS (SELECT FROM deliveries WHERE status = 'waiting' AND due_at < now() + interval '10 minutes')
           OR EXISTS (SELECT FROM notices n WHERE (status = 'planned' AND fan_out_at <= now())
             OR (status = 'sending' AND (fanned_out_at IS NULL
               OR NOT EXISTS (SELECT FROM deliveries d WHERE d.notice = n.no AND d.status = 'waiting')))) AS open`,
    );
    return rows[0]?.open === false;
  };

  return {
    parts,
    sql,
    mailbox,
    receiver,
    accept,
    say,
    announce: (data) => say("created", data),
    addService: async (service, businessCritical = false) => {
      await sql.query("INSERT INTO services (service, title, business_critical) VALUES ($1, $1, $2)", [
        service,
        businessCritical,
      ]);
    },
    addPartner: async (partner, channels, { subscriptions = ["*"], locale = "en", timeZone = "Europe/Paris" } = {}) => {
      await sql.query(
        "INSERT INTO partners (partner, name, locale, time_zone, subscriptions) VALUES ($1, $2, $3, $4, $5)",
        [partner, `${partner} Ltd`, locale, timeZone, subscriptions],
      );
      const secret = newSecret();
      const rows = {
        email: [`${partner}@partner.example`, null],
        webhook: [receiver.url(partner), parts.keyring.seal(secret)],
      } as const;
      for (const channel of channels)
        await sql.query("INSERT INTO endpoints (partner, channel, address, secret_sealed) VALUES ($1, $2, $3, $4)", [
          partner,
          channel,
          ...rows[channel],
        ]);
      return secret;
    },
    addPartners: async (count, channel) => {
      const secret = newSecret();
      await sql.query(
        "INSERT INTO partners (partner, name) SELECT 'p' || n, 'Partner ' || n FROM generate_series(1, $1::int) AS n",
        [count],
      );
      const address = channel === "email" ? "'p' || n || '@partner.example'" : `'${receiver.url("p")}' || n`;
      await sql.query(
        `INSERT INTO endpoints (partner, channel, address, secret_sealed)
         SELECT 'p' || n, $2, ${address}, $3 FROM generate_series(1, $1::int) AS n`,
        [count, channel, channel === "email" ? null : parts.keyring.seal(secret)],
      );
      return secret;
    },
    counts,
    quiet: async (deadlineMs = 40_000) => {
      await until(isQuiet, { deadlineMs, what: "everything that is due is sent" });
    },
  };
};

/** The notices that a partner of `addPartner` has had by webhook, in order: `announcement`, `reminder-P1D`. */
export const kindsAt = (pipeline: Pipeline, partner: string): string[] =>
  pipeline.receiver.at(`/${partner}`).map((post) => {
    const body = JSON.parse(post.body.toString()) as { data: { notice: { kind: string; offset: string | null } } };
    return body.data.notice.kind + (body.data.notice.offset ?? "");
  });
