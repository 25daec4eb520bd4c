import type { Clock } from "../clock.ts";
import type { Outages } from "../outages.ts";
import { makeBreaker, type Permit } from "./breaker.ts";
import { Limit, makeLimits } from "./limits.ts";
import { type Ended, mailOutcome, type SmtpEnd } from "./mail-outcome.ts";
import { type Lease, makeSmtpPool } from "./smtp-pool.ts";
import { type MailEnvelope, openSession, relayOf, type SmtpSession } from "./smtp-session.ts";

export type MailRelayDeps = {
  smtpUrl: string;
  /** One deadline for the whole attempt, waiting for a connection included. */
  timeoutMs: number;
  clock: Clock;
  outages: Pick<Outages, "lost" | "found">;
  /** Most connections at a time. */
  connections?: number;
};

export type MailRelay = {
  /** How a mail would end now, without trying: the relay is spared after it could not be reached. Null: try. */
  spared(): Ended | null;
  /** One transaction. A connection that the relay closed while it was idle is replaced, and is no attempt. */
  carry(envelope: MailEnvelope, mail: string, signal: AbortSignal): Promise<SmtpEnd>;
  close(): void;
};

type Carried = { envelope: MailEnvelope; mail: string; signal: AbortSignal };

const CONNECTIONS = 20;
const IDLE_MS = 30_000;
const SPARED_MS = 5_000;

const notTried = (text: string): Ended => ({ kind: "ended", stage: "connect", code: null, text });
const SPARED = notTried("it is spared for a few seconds after it could not be reached");
const STOPPED: Ended = { kind: "ended", stage: "cut", code: null, text: "the sender is stopping" };

/** Whether an end says nothing against the relay's taking the next mail. */
const reached = (end: SmtpEnd): boolean => mailOutcome(end).kind !== "unreachable";

export const makeMailRelay = (deps: MailRelayDeps): MailRelay => {
  const { timeoutMs, clock, outages } = deps;
  const relay = relayOf(deps.smtpUrl, timeoutMs);
  const pool = makeSmtpPool({ connections: deps.connections ?? CONNECTIONS, idleMs: IDLE_MS, clock });
  const limits = makeLimits({ timeoutMs, late: `no answer within ${timeoutMs} ms`, stopped: STOPPED.text });
  const breaker = makeBreaker({ clock, openMs: SPARED_MS });

  /** Lets the next mail have the connection: at once when this one went well, after RSET when it was refused. */
  const giveBack = (lease: Lease, session: SmtpSession, end: SmtpEnd): void => {
    if (end.kind === "accepted" || end.stage === "smtputf8") return lease.end(session);
    if (end.stage === "cut") {
      session.drop();
      return lease.end(null);
    }
    void session.reset().then((fit) => {
      if (!fit) session.drop();
      lease.end(fit ? session : null);
    });
  };

  /** Carries over one connection; `stale` when that had been closed at the other end before the mail was begun. */
  const over = async (session: SmtpSession, { envelope, mail }: Carried, limit: Limit) => {
    if (/[^!-~]/.test(envelope.to) && !session.smtpUtf8) {
      const end: Ended = { kind: "ended", stage: "smtputf8", code: null, text: "the relay does not offer it" };
      return { end, stale: false };
    }
    const { end, begun } = await session.carry(envelope, mail, limit);
    const closed = end.kind === "ended" && (end.stage === "cut" || end.code === 421);
    return { end, stale: closed && !begun && limit.reason === null };
  };

  const transact = async (lease: Lease, mail: Carried, limit: Limit): Promise<SmtpEnd> => {
    if (lease.session) {
      const { end, stale } = await over(lease.session, mail, limit);
      if (!stale) {
        giveBack(lease, lease.session, end);
        return end;
      }
      lease.session.drop();
    }
    const opened = await openSession(relay, limit);
    if ("kind" in opened) {
      lease.end(null);
      return opened;
    }
    lease.hold(opened);
    const { end } = await over(opened, mail, limit);
    giveBack(lease, opened, end);
    return end;
  };

  const learn = (permit: Permit, end: SmtpEnd): void => {
    if (end.kind === "accepted" || reached(end)) {
      permit.succeeded();
      outages.found("relay");
      return;
    }
    permit.failed();
    outages.lost("relay", `${relay.options.host}: ${end.text}`, "mails");
  };

  const attempt = async (mail: Carried, limit: Limit, mayShrink: boolean): Promise<SmtpEnd> => {
    const lease = await pool.lease(limit);
    if (!lease) return notTried("no connection to it became free in time");
    const permit = breaker.admit();
    if (!permit) {
      lease.end(lease.session);
      return SPARED;
    }
    try {
      const end = await transact(lease, mail, limit);
      const turnedAway = end.kind === "ended" && end.stage === "connect" && end.code !== null;
      // The relay is there, for other connections of ours are open: it only takes no more of them.
      if (turnedAway && mayShrink && pool.shrink()) {
        permit.succeeded();
        return await attempt(mail, limit, false);
      }
      if (reached(end) || !mail.signal.aborted) learn(permit, end);
      return end;
    } finally {
      permit.abandoned();
    }
  };

  return {
    spared: () => (breaker.refuses() ? SPARED : null),
    carry: async (envelope, mail, signal) => {
      const limit = new Limit();
      const begun = limits.begin(limit, signal);
      try {
        const end = await attempt({ envelope, mail, signal }, limit, true);
        return signal.aborted && !reached(end) ? STOPPED : end;
      } finally {
        limits.done(begun);
      }
    },
    close: () => pool.close(),
  };
};
