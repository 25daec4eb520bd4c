import { loadContents } from "../../src/ledger/notice-content.ts";
import { composeMail, readMailbox } from "../../src/render/mail-mime.ts";
import { makeNoticeMails } from "../../src/render/notice-mail.ts";
import { makeTemplates } from "../../src/render/templates.ts";
import { announce, awaitQuiet, awaitSent } from "../announce.ts";
import { type AskedChild, startChild } from "../ask-child.ts";
import { cpuUsOf } from "../cpu.ts";
import { populate, type Recipient } from "../populate.ts";
import { median, medians, type Scenario } from "../result.ts";
import { openStage, type Stage } from "../stage.ts";
import type { BareMailRun, PooledMail } from "../yardsticks/bare-mails.ts";

const SIZES = {
  full: { addresses: 20_000, pooled: 4_000, rounds: 5 },
  quick: { addresses: 600, pooled: 200, rounds: 1 },
};
const CONNECTIONS = 20;
const FROM = "changes@provider.example";
/** Finished mails that the yardstick sends in turn. */
const FINISHED = 100;
const DEADLINE_MS = 180_000;

/** Mails of the real renderer: finished ones, and the parts that a pool composes. */
const rendered = async (
  { sql, parts }: Stage,
  recipients: readonly Recipient[],
): Promise<{ mails: string[]; pooled: PooledMail }> => {
  const { rows } = await sql.query<{ no: number }>("SELECT no FROM notices WHERE kind = 'announcement' LIMIT 1");
  const [content] = await loadContents(sql, [rows[0]?.no ?? 0], "UTC");
  const organizer = readMailbox(FROM);
  if (!content || !organizer) throw new Error("there is no notice to copy");
  const { keyring, config } = parts;
  const templates = makeTemplates({ folder: undefined });
  const notices = makeNoticeMails({ templates, keyring, publicUrl: config.publicUrl, organizer });
  const now = new Date();
  const recipientOf = ({ no, partner, address }: Recipient) => ({
    delivery: `${content.notice.id}.ep_${no}`,
    partner,
    name: `Partner ${partner}`,
    locale: "en",
    timeZone: "UTC",
    pageEpoch: 0,
    address,
    secrets: [],
    threadRoot: null,
  });
  const mails: string[] = [];
  for (const recipient of recipients.slice(0, FINISHED)) {
    const to = recipientOf(recipient);
    const mail = await composeMail({
      ...notices.encodedFor(content, to, now),
      from: organizer,
      to,
      messageId: `<${recipient.no}@provider.example>`,
      inReplyTo: null,
      date: now,
      headers: { "Auto-Submitted": "auto-generated", "Forewarn-Notice": content.notice.id },
    });
    mails.push(mail.toString());
  }
  const [first] = recipients;
  if (!first) throw new Error("there is nobody to write to");
  const { subject, html, text, calendar } = notices.mailFor(content, recipientOf(first), now);
  return { mails, pooled: { subject, html, text, calendar: calendar?.body ?? "" } };
};

const counted = async (sink: AskedChild, expected: number, whose: string): Promise<void> => {
  const { mails } = await sink.ask<{ mails: number }>({ kind: "count" });
  if (mails !== expected) throw new Error(`the sink took ${mails} mails of ${whose} instead of ${expected}`);
};

/** One notice by mail, against finished mails over nodemailer's own connections, and against its pool composing each. */
export const mails: Scenario = {
  name: "mails",
  run: async (size) => {
    const { addresses, pooled: pooledCount, rounds } = SIZES[size];
    const warmUp = size === "full" ? 1 : 0;
    const stage = await openStage();
    const [sink, bare] = [startChild("sinks/smtp-sink.ts"), startChild("yardsticks/bare-mails.ts")];
    try {
      const { port } = await sink.ask<{ port: number }>({ kind: "listen" });
      const addressOf = (no: number): string => `team@p${no}.partner.example`;
      const recipients = await populate(stage, { service: "api", count: addresses, channel: "email", addressOf });
      const scheduler = await stage.start("workers/scheduler.ts");
      const sender = await stage.start("workers/email.ts", { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: FROM });

      const ours = async () => {
        const before = [scheduler, sender].map(({ pid }) => cpuUsOf(pid));
        const [postgres, redis] = [stage.cpuUs.postgres(), stage.cpuUs.redis()];
        const change = await announce(stage, "api");
        const { ms } = await awaitSent(stage, { change, deliveries: addresses, deadlineMs: DEADLINE_MS });
        const [scheduling = 0, sending = 0] = [scheduler, sender].map(
          ({ pid }, no) => cpuUsOf(pid) - (before[no] ?? 0),
        );
        const cpuUs = {
          sender: sending / addresses,
          postgres: (stage.cpuUs.postgres() - postgres) / addresses,
          redis: (stage.cpuUs.redis() - redis) / addresses,
          scheduler: scheduling / addresses,
        };
        await counted(sink, addresses, "Forewarn");
        await awaitQuiet(stage);
        return { usEach: (ms * 1_000) / addresses, cpuUs };
      };
      const yardstick = async (question: { kind: "raw" } | { kind: "pool"; count: number }) => {
        const { ms, cpuUs, sent } = await bare.ask<BareMailRun>(question);
        await counted(sink, sent, "the yardstick");
        return { usEach: (ms * 1_000) / sent, cpuUs: cpuUs / sent };
      };

      const measured: {
        ours: Awaited<ReturnType<typeof ours>>;
        raw: { usEach: number; cpuUs: number };
        pool: { usEach: number; cpuUs: number };
      }[] = [];
      for (let round = 0; round < warmUp + rounds; round += 1) {
        const us = await ours();
        if (round === 0) {
          const load = { kind: "load", port, connections: CONNECTIONS, from: FROM };
          await bare.ask({
            ...load,
            addresses: recipients.map(({ address }) => address),
            ...(await rendered(stage, recipients)),
          });
        }
        const both = {
          raw: await yardstick({ kind: "raw" }),
          pool: await yardstick({ kind: "pool", count: pooledCount }),
        };
        if (round >= warmUp) measured.push({ ours: us, ...both });
      }
      const perSecond = (usEach: readonly number[]): number => 1_000_000 / median(usEach);
      const oursPerSecond = perSecond(measured.map((round) => round.ours.usEach));
      const cpuUs = medians(measured.map((round) => round.ours.cpuUs));
      return (["raw", "pool"] as const).map((kind) => ({
        scenario: `mails to ${addresses} addresses, text, HTML and calendar`,
        goal: { raw: "≥ 0.90", pool: "≥ 5" }[kind],
        yardstick: { raw: "finished mails on nodemailer's connections", pool: "nodemailer's pool, composing each" }[
          kind
        ],
        ratios: measured.map((round) => round[kind].usEach / round.ours.usEach),
        cpuUs: { ...cpuUs, yardstick: median(measured.map((round) => round[kind].cpuUs)) },
        figures: {
          "per s": oursPerSecond,
          "yardstick per s": perSecond(measured.map((round) => round[kind].usEach)),
        },
      }));
    } finally {
      await Promise.all([sink.stop(), bare.stop()]);
      await stage.close();
    }
  },
};
