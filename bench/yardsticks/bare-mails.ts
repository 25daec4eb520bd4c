import nodemailer from "nodemailer";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { answerQuestions } from "../ask-child.ts";

/**
 * The yardsticks of mails: `raw` sends finished mails over nodemailer's own SMTP connections, `pool` has nodemailer's pool
 * compose each from its parts, as most programs do; with `dkim` it signs each too.
 */
export type MailDkim = { domainName: string; keySelector: string; privateKey: string };
export type PooledMail = { subject: string; html: string; text: string; calendar: string };
type Question =
  | {
      kind: "load";
      port: number;
      connections: number;
      from: string;
      dkim: MailDkim | null;
      addresses: string[];
      mails: string[];
      pooled: PooledMail;
    }
  /** Every address gets one. */
  | { kind: "raw" }
  /** The first `count` do: it is slow. */
  | { kind: "pool"; count: number };
export type BareMailRun = { ms: number; cpuUs: number; sent: number };

type Load = Omit<Extract<Question, { kind: "load" }>, "mails"> & { mails: Buffer[] };
let loaded: Load | null = null;

const open = (port: number): Promise<SMTPConnection> =>
  new Promise((resolve, reject) => {
    const connection = new SMTPConnection({ host: "127.0.0.1", port, ignoreTLS: true });
    connection.once("error", reject);
    connection.connect(() => resolve(connection));
  });

const sendOn = (connection: SMTPConnection, from: string, { to, mail }: { to: string; mail: Buffer }): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.send({ from, to: [to] }, mail, (fault) => (fault ? reject(fault) : resolve()));
  });

const raw = async ({ port, connections, from, addresses, mails }: Load): Promise<number> => {
  const none = Buffer.alloc(0);
  let next = 0;
  const work = async (): Promise<void> => {
    const connection = await open(port);
    for (let no = next++; no < addresses.length; no = next++)
      await sendOn(connection, from, { to: addresses[no] ?? "", mail: mails[no % mails.length] ?? none });
    connection.quit();
  };
  await Promise.all(Array.from({ length: connections }, work));
  return addresses.length;
};

const pool = async (load: Load, count: number): Promise<number> => {
  const { port, connections, from, dkim, addresses, pooled } = load;
  const { calendar, ...parts } = pooled;
  const transport = nodemailer.createTransport({
    pool: true,
    host: "127.0.0.1",
    port,
    ignoreTLS: true,
    maxConnections: connections,
    maxMessages: Number.POSITIVE_INFINITY,
    ...(dkim && { dkim: { domainName: dkim.domainName, keySelector: dkim.keySelector, privateKey: dkim.privateKey } }),
  });
  const to = addresses.slice(0, count);
  await Promise.all(
    to.map((address) =>
      transport.sendMail({ ...parts, from, to: address, icalEvent: { method: "REQUEST", content: calendar } }),
    ),
  );
  transport.close();
  return to.length;
};

answerQuestions(async (asked) => {
  const question = asked as Question;
  if (question.kind === "load") {
    // Bytes before the clock runs: what is finished is not made again.
    loaded = { ...question, mails: question.mails.map((mail) => Buffer.from(mail)) };
    return {};
  }
  if (!loaded) throw new Error("nothing is loaded");
  const cpuBefore = process.cpuUsage();
  const begunAt = performance.now();
  const sent = question.kind === "raw" ? await raw(loaded) : await pool(loaded, question.count);
  const ms = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms, cpuUs: user + system, sent };
});
