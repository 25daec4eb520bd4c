import { isIP } from "node:net";
import { parseConnectionUrl } from "nodemailer/lib/shared";
import SMTPConnection, { type SMTPConnectionAuth, type SMTPConnectionOptions } from "nodemailer/lib/smtp-connection";
import { corkForThisTurn } from "./cork.ts";
import { makeFinishedMails } from "./finished-mail.ts";
import { Limit } from "./limits.ts";
import type { Ended, SmtpEnd, Stage } from "./mail-outcome.ts";

export type Relay = { options: SMTPConnectionOptions; auth: SMTPConnectionAuth | null };
type Fault = Error & {
  code?: string | undefined;
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
};

/** `id` comes back as `Original-Envelope-Id` in what a mail server reports later, where the relay offers that (RFC 3461). */
export type MailEnvelope = { from: string; to: string; id?: string };

/** One logged-in connection to the relay, for one mail at a time. */
export type SmtpSession = {
  /** Whether it takes addresses that are not ASCII (RFC 6531). */
  smtpUtf8: boolean;
  alive(): boolean;
  /** `mail` ends its lines by CRLF and holds no other line end. `begun`: bytes of the mail were sent, so that a cut leaves it open whether the relay has it. */
  carry(envelope: MailEnvelope, mail: string, limit: Limit): Promise<{ end: SmtpEnd; begun: boolean }>;
  /** Makes it fit for the next mail after a refusal; false: it is of no more use. */
  reset(): Promise<boolean>;
  /** Says QUIT when it can, and ends. */
  quit(): void;
  /** Ends at once; what is under way is lost. */
  drop(): void;
};

const RESET_WITHIN_MS = 2_000;
const QUIT_WITHIN_MS = 1_000;

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

/**
 * The relay behind `smtp://user:password@host:port` or `smtps://…`; nodemailer's options may stand in the query.
 *
 * A password is not sent in the clear: with a login, STARTTLS is demanded unless the relay is on this machine or the URL
 * says `?requireTLS=false`.
 */
export const relayOf = (smtpUrl: string, timeoutMs: number): Relay => {
  const { auth, ...given } = parseConnectionUrl(smtpUrl);
  const local = isLoopback(given.host ?? "localhost");
  // A relay on this machine often shows a certificate of its own making, and there is no network to protect.
  const guard = local ? { ignoreTLS: true } : { requireTLS: auth !== undefined && given.secure !== true };
  return {
    options: {
      ...guard,
      ...given,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      dnsTimeout: timeoutMs,
      socketCloseTimeout: 0,
      maxResponseSize: 64 * 1024,
    },
    auth: auth ?? null,
  };
};

const ended = (stage: Stage, fault: Fault): Ended => ({
  kind: "ended",
  stage,
  code: fault.responseCode ?? null,
  text: fault.response ?? fault.message,
});

/** nodemailer's name of the step that was refused → ours; anything else is a connection that broke. */
const STAGES: Readonly<Record<string, Stage>> = {
  "MAIL FROM EENVELOPE": "mail",
  "RCPT TO EENVELOPE": "rcpt",
  "DATA EENVELOPE": "data",
  "DATA EMESSAGE": "body",
};

const stageOf = (fault: Fault): Stage => STAGES[`${fault.command ?? ""} ${fault.code ?? ""}`] ?? "cut";

const stopped = (limit: Limit): Ended => ({
  kind: "ended",
  stage: "cut",
  code: null,
  text: limit.reason ?? "",
});

type Race = <T>(
  limit: Limit,
  work: (settle: (value: T) => void) => void,
  otherwise: (fault: Fault | null) => T,
) => Promise<T>;

/** Runs one step of a connection until it settles, the connection ends or `limit` ends, whichever comes first. */
const makeRace = (connection: SMTPConnection): Race => {
  let underWay: ((fault: Fault | null) => void) | null = null;
  // Heard for the connection's whole life: an error that nobody hears would end the process.
  connection.on("error", (fault: Fault) => underWay?.(fault));
  connection.on("end", () => {
    const step = underWay;
    // The library ends the connection before it tells the step under way; that step's own answer says more.
    if (step) setImmediate(() => step(null));
  });
  return (limit, work, otherwise) =>
    new Promise((resolve) => {
      const fail = (fault: Fault | null): void => settle(otherwise(fault));
      const settle = (value: Parameters<typeof resolve>[0]): void => {
        if (underWay !== fail) return;
        underWay = null;
        limit.onEnd = null;
        resolve(value);
      };
      underWay = fail;
      limit.onEnd = () => {
        connection.close();
        fail(null);
      };
      if (limit.reason !== null) limit.onEnd();
      else work(settle);
    });
};

/** Reports on failures only, with the headers of the mail; a recipient that is not ASCII has no plain ORCPT (RFC 6533). */
const reporting = ({ id, to }: MailEnvelope) =>
  id === undefined
    ? {}
    : {
        dsn: {
          id,
          return: "HDRS",
          notify: "FAILURE",
          ...(/[^!-~]/.test(to) ? {} : { recipient: to }),
        },
      };

const makeSession = (connection: SMTPConnection, race: Race, smtpUtf8: boolean): SmtpSession => {
  const finishedMail = makeFinishedMails(() => connection._socket && connection._socket.writableLength === 0);
  const { _socket: socket } = connection;
  // Whatever the connection answers to what it reads, and each mail's first commands.
  if (socket) socket.prependListener("data", () => corkForThisTurn(socket));
  return {
    smtpUtf8,
    alive: () => !connection.destroyed,
    carry: async (envelope, mail, limit) => {
      let begun = false;
      if (socket) corkForThisTurn(socket);
      const body = finishedMail(mail, () => {
        begun = true;
      });
      const end = await race<SmtpEnd>(
        limit,
        (settle) =>
          connection.send({ from: envelope.from, to: [envelope.to], ...reporting(envelope) }, body, (fault, sent) =>
            settle(
              fault
                ? ended(stageOf(fault), fault)
                : { kind: "accepted", code: Number(sent.response.slice(0, 3)) || 250, text: sent.response },
            ),
          ),
        (fault) => {
          if (fault) return ended(stageOf(fault), fault);
          return limit.reason !== null ? stopped(limit) : ended("cut", new Error("connection closed"));
        },
      );
      return { end, begun };
    },
    reset: () => {
      const limit = new Limit();
      const timer = setTimeout(() => limit.end("no answer to RSET"), RESET_WITHIN_MS);
      return race<boolean>(
        limit,
        (settle) => connection.reset((fault) => settle(!fault)),
        () => false,
      ).finally(() => clearTimeout(timer));
    },
    quit: () => {
      if (connection.destroyed) return;
      connection.quit();
      setTimeout(() => connection.close(), QUIT_WITHIN_MS).unref();
    },
    drop: () => connection.close(),
  };
};

/** Connects, upgrades to TLS where offered or demanded, and logs in; `limit` bounds it all. */
export const openSession = async (relay: Relay, limit: Limit): Promise<SmtpSession | Ended> => {
  const connection = new SMTPConnection(relay.options);
  const race = makeRace(connection);
  const fail = (stage: Stage) => (fault: Fault | null) =>
    limit.reason !== null ? { ...stopped(limit), stage } : ended(stage, fault ?? new Error("connection closed"));

  const connected = await race<Ended | null>(
    limit,
    (settle) => connection.connect((fault) => settle(fault ? fail("connect")(fault) : null)),
    fail("connect"),
  );
  if (connected) {
    connection.close();
    return connected;
  }
  // The answer to the last EHLO, before a login overwrites it.
  const smtpUtf8 = /^250[ -]SMTPUTF8\b/im.test(connection.lastServerResponse || "");
  const { auth } = relay;
  if (auth) {
    const refused = await race<Ended | null>(
      limit,
      // The library writes into what it is given.
      (settle) => connection.login({ ...auth }, (fault) => settle(fault ? fail("login")(fault) : null)),
      fail("login"),
    );
    if (refused) {
      connection.close();
      return refused;
    }
  }
  return makeSession(connection, race, smtpUtf8);
};
