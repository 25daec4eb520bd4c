import { buffer } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { atEnd } from "./at-end.ts";
import { until } from "./until.ts";

/** One accepted mail; `at` is `Date.now()` when its last byte was in, `raw` what came after DATA, dots unstuffed. */
export type Mail = { at: number; from: string; to: string[]; raw: Buffer; parsed: Email };

/** A refusal at one stage of SMTP. 4xx asks the sender to try again, 5xx is for good; `hang` never answers. */
export type Refusal = {
  stage: "greeting" | "mail" | "rcpt" | "data";
  answer: { code: number; text: string } | "hang";
  /** Only where the recipient (at `rcpt`) or the sender (at `mail`) matches. */
  address?: RegExp;
  /** How often it applies; without it, always. */
  times?: number;
};

export type Mailbox = {
  /** `smtp://127.0.0.1:<port>` */
  url: string;
  port: number;
  /** Accepted mails, in order of arrival. */
  mails: readonly Mail[];
  /** Accepted mails to one address. */
  to: (address: string) => Mail[];
  refuse: (refusal: Refusal) => void;
  /** Forgets all refusals. */
  accept: () => void;
  connections: () => number;
  waitFor: (count: number, options?: { to?: string; deadlineMs?: number }) => Promise<Mail[]>;
  close: () => Promise<void>;
};

type Answered = (error?: Error | null) => void;

const refusalError = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });

/** An SMTP server on a free port of 127.0.0.1, without TLS or login; it closes itself when the file's tests have ended. */
export const startMailbox = async (): Promise<Mailbox> => {
  const mails: Mail[] = [];
  let refusals: { left: number; refusal: Refusal }[] = [];
  let opened = 0;

  /** Answers by the first refusal that applies to this stage and address, or lets it pass. */
  const decide = (stage: Refusal["stage"], address: string, answered: Answered): void => {
    const found = refusals.find(
      ({ left, refusal }) => left > 0 && refusal.stage === stage && (refusal.address?.test(address) ?? true),
    );
    if (!found) return answered();
    found.left -= 1;
    const { answer } = found.refusal;
    if (answer !== "hang") answered(refusalError(answer.code, answer.text));
  };

  const record = async (session: SMTPServerSession, raw: Buffer): Promise<void> => {
    mails.push({
      at: Date.now(),
      from: session.envelope.mailFrom ? session.envelope.mailFrom.address : "",
      to: session.envelope.rcptTo.map(({ address }) => address),
      raw,
      parsed: await PostalMime.parse(raw),
    });
  };

  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    closeTimeout: 100,
    onConnect: (_session, answered) => {
      opened += 1;
      decide("greeting", "", answered);
    },
    onMailFrom: ({ address }, _session, answered) => decide("mail", address, answered),
    onRcptTo: ({ address }, _session, answered) => decide("rcpt", address, answered),
    onData: (stream, session, answered) => {
      buffer(stream)
        .then((raw) =>
          decide("data", "", (refused) => {
            if (refused) answered(refused);
            else record(session, raw).then(() => answered(), answered);
          }),
        )
        .catch(answered);
    },
  });
  // A client that goes away mid-way is what some tests are about; SMTPServer reports it here.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.server.address() as AddressInfo;

  const mailbox: Mailbox = {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    to: (address) => mails.filter((mail) => mail.to.includes(address)),
    refuse: (refusal) => {
      refusals.push({ left: refusal.times ?? Number.POSITIVE_INFINITY, refusal });
    },
    accept: () => {
      refusals = [];
    },
    connections: () => opened,
    waitFor: (count, { to, deadlineMs = 10_000 } = {}) => {
      const matching = () => (to === undefined ? mails : mailbox.to(to));
      return until(() => (matching().length >= count ? [...matching()] : null), {
        deadlineMs,
        what: `${count} mails${to === undefined ? "" : ` to ${to}`}`,
      }).catch((error: Error) => {
        throw new Error(`${error.message}; there were ${matching().length}`, { cause: error });
      });
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  atEnd(mailbox.close);
  return mailbox;
};
