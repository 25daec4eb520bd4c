import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { announce, awaitQuiet, awaitSent } from "../announce.ts";
import { type AskedChild, startChild } from "../ask-child.ts";
import { cpuUsOf } from "../cpu.ts";
import { countCpu } from "../cpu-shares.ts";
import { populate } from "../populate.ts";
import { FROM, renderMails } from "../rendered-mails.ts";
import { type Round, type Scenario, type Size, summary } from "../result.ts";
import { openStage } from "../stage.ts";
import type { BareMailRun, MailDkim } from "../yardsticks/bare-mails.ts";

const CONNECTIONS = 20;
const DEADLINE_MS = 180_000;

type Kind = "raw" | "pool";

/** What sets the scenario of signed mails apart from the other. */
type Setting = {
  name: string;
  signed: boolean;
  sizes: Record<Size, { addresses: number; pooled: number; rounds: number; warmUp: number }>;
  goals: readonly { kind: Kind; goal: string; yardstick: string }[];
  title: string;
};

const counted = async (sink: AskedChild, expected: number, whose: string): Promise<void> => {
  const { mails } = await sink.ask<{ mails: number }>({ kind: "count" });
  if (mails !== expected) throw new Error(`the sink took ${mails} mails of ${whose} instead of ${expected}`);
};

/** A key of the usual strength, in a file as the sender reads it. */
const makeKey = async (folder: string): Promise<MailDkim & { keyFile: string }> => {
  const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const privateKey = key.export({ type: "pkcs8", format: "pem" });
  const keyFile = join(folder, "dkim.pem");
  await writeFile(keyFile, privateKey);
  return { domainName: "provider.example", keySelector: "bench", privateKey, keyFile };
};

const mailScenario = ({ name, signed, sizes, goals, title }: Setting): Scenario => ({
  name,
  run: async (size) => {
    const { addresses, pooled, rounds: count, warmUp } = sizes[size];
    const folder = await mkdtemp(join(tmpdir(), "forewarn-bench-dkim-"));
    const dkim = signed ? await makeKey(folder) : null;
    const stage = await openStage();
    const [sink, bare] = [startChild("sinks/smtp-sink.ts"), startChild("yardsticks/bare-mails.ts")];
    try {
      const { port } = await sink.ask<{ port: number }>({ kind: "listen" });
      const addressOf = (no: number): string => `team@p${no}.partner.example`;
      const recipients = await populate(stage, { service: "api", count: addresses, channel: "email", addressOf });
      const scheduler = await stage.start("workers/scheduler.ts");
      const sender = await stage.start("workers/email.ts", {
        SMTP_URL: `smtp://127.0.0.1:${port}`,
        MAIL_FROM: FROM,
        ...(dkim && { DKIM_DOMAIN: dkim.domainName, DKIM_SELECTOR: dkim.keySelector, DKIM_KEY_FILE: dkim.keyFile }),
      });

      const ours = async () => {
        const cpuOver = countCpu(stage, { sender: [sender.pid], scheduler: [scheduler.pid], sink: [sink.pid] });
        const change = await announce(stage, "api");
        const { ms } = await awaitSent(stage, { change, deliveries: addresses, deadlineMs: DEADLINE_MS });
        const cpuUs = cpuOver(addresses);
        await counted(sink, addresses, "Forewarn");
        await awaitQuiet(stage);
        return { usEach: (ms * 1_000) / addresses, cpuUs };
      };
      const yardstick = async (kind: Kind) => {
        const sinkBefore = cpuUsOf(sink.pid);
        const { ms, cpuUs, sent } = await bare.ask<BareMailRun>({ kind, count: pooled });
        const sinkUs = cpuUsOf(sink.pid) - sinkBefore;
        await counted(sink, sent, "the yardstick");
        return { usEach: (ms * 1_000) / sent, cpuUs: { yardstick: cpuUs / sent, "its sink": sinkUs / sent } };
      };

      const measured = new Map<Kind, Round[]>(goals.map(({ kind }) => [kind, []]));
      for (let round = 0; round < warmUp + count; round += 1) {
        const us = await ours();
        if (round === 0)
          await bare.ask({
            kind: "load",
            port,
            connections: CONNECTIONS,
            from: FROM,
            dkim,
            addresses: recipients.map(({ address }) => address),
            ...(await renderMails(stage, recipients)),
          });
        for (const [kind, rounds] of measured) {
          const them = await yardstick(kind);
          if (round < warmUp) continue;
          rounds.push({
            ratio: them.usEach / us.usEach,
            cpuUs: { ...us.cpuUs, ...them.cpuUs },
            figures: { "per s": 1_000_000 / us.usEach, "yardstick per s": 1_000_000 / them.usEach },
          });
          if (process.env["BENCH_VERBOSE"]) console.error(JSON.stringify({ kind, ...rounds.at(-1) }));
        }
      }
      return goals.map(({ kind, goal, yardstick }) => ({
        scenario: `mails to ${addresses} addresses, ${title}`,
        goal,
        yardstick,
        ...summary(measured.get(kind) ?? []),
      }));
    } finally {
      await Promise.all([sink.stop(), bare.stop()]);
      await stage.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** One notice by mail, against finished mails over nodemailer's own connections, and against its pool composing each. */
export const mails = mailScenario({
  name: "mails",
  signed: false,
  sizes: {
    full: { addresses: 20_000, pooled: 4_000, rounds: 5, warmUp: 1 },
    quick: { addresses: 600, pooled: 200, rounds: 1, warmUp: 0 },
  },
  goals: [
    { kind: "raw", goal: "≥ 0.90", yardstick: "finished mails on nodemailer's connections" },
    { kind: "pool", goal: "≥ 5", yardstick: "nodemailer's pool, composing each" },
  ],
  title: "text, HTML and calendar",
});

/** The same, each signed with DKIM by nodemailer on both sides: the signature is nearly all of it. */
export const mailsDkim = mailScenario({
  name: "mails-dkim",
  signed: true,
  sizes: {
    full: { addresses: 2_000, pooled: 1_000, rounds: 5, warmUp: 1 },
    quick: { addresses: 60, pooled: 20, rounds: 1, warmUp: 0 },
  },
  goals: [{ kind: "pool", goal: "report", yardstick: "nodemailer's pool, composing and signing each" }],
  title: "text, HTML and calendar, signed (DKIM, RSA 2048)",
});
