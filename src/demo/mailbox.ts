import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerDataStream } from "smtp-server";
import { mailIndex } from "./mail-index.ts";

/** A mail that came in: `file` is its name without `.eml` and `.html`. */
export type MailArrival = {
  id: string;
  to: string;
  subject: string;
  change: string;
  notice: string;
  at: number;
  file: string;
};

/** Everybody's mailbox on loopback: a real SMTP server that keeps each mail as a file one can open. */
export type Mailbox = {
  /** `smtp://127.0.0.1:41233` */
  url: string;
  folder: string;
  arrivals: readonly MailArrival[];
  /** Writes `index.html` over all that came in so far, and gives its path. */
  writeIndex(): Promise<string>;
  stop(): Promise<void>;
};

const fileName = (text: string): string => text.replace(/[^A-Za-z0-9@._-]+/g, "-").slice(0, 120);

const header = (mail: Email, name: string): string => mail.headers.find(({ key }) => key === name)?.value ?? "";

export const startMailbox = async (folder: string): Promise<Mailbox> => {
  mkdirSync(folder, { recursive: true });
  const arrivals: MailArrival[] = [];

  const keep = async (stream: SMTPServerDataStream, recipients: readonly string[]): Promise<void> => {
    const raw = await buffer(stream);
    const mail = await PostalMime.parse(raw);
    const to = recipients.join(",");
    const notice = header(mail, "forewarn-notice");
    const file = fileName(`${String(arrivals.length + 1).padStart(3, "0")}-${notice || "mail"}-${to}`);
    arrivals.push({
      id: mail.messageId ?? "",
      to,
      subject: mail.subject ?? "",
      change: header(mail, "forewarn-change"),
      notice,
      at: Date.now(),
      file,
    });
    await writeFile(join(folder, `${file}.eml`), raw);
    await writeFile(join(folder, `${file}.html`), mail.html ?? `<pre>${escapeText(mail.text ?? "")}</pre>`);
  };

  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, session, done) => {
      const recipients = session.envelope.rcptTo.map(({ address }) => address);
      // oxlint-disable-next-line promise/no-callback-in-promise -- smtp-server speaks in callbacks
      void keep(stream, recipients).then(() => done(), done);
    },
  });
  // A client that goes away mid-sentence is its own affair: what it had to say is sent again.
  server.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    folder,
    arrivals,
    writeIndex: async () => {
      const path = join(folder, "index.html");
      await writeFile(path, mailIndex(arrivals));
      return path;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
};

const escapeText = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
