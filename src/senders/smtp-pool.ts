import type { Clock } from "../clock.ts";
import type { Limit } from "./limits.ts";
import type { SmtpSession } from "./smtp-session.ts";

/** A place for one transaction. Give back a session that is fit for the next mail, or null. */
export type Lease = {
  /** An open connection from before, or null: open one. */
  session: SmtpSession | null;
  /** Counts a newly opened connection in. */
  hold(session: SmtpSession): void;
  end(fit: SmtpSession | null): void;
};

export type SmtpPool = {
  /** A place, in order of asking; null when `limit` ends first. */
  lease(limit: Limit): Lease | null | Promise<Lease | null>;
  /** The relay takes no more connections than there are now: ask for no more of them for a minute. False: there are none. */
  shrink(): boolean;
  /** Ends idle connections, and each busy one as it is given back. */
  close(): void;
};

export type SmtpPoolDeps = { connections: number; idleMs: number; clock: Clock };

const SHRUNK_FOR_MS = 60_000;

/** Connections to one relay, opened as they are needed and reused, the last one given back first. */
export const makeSmtpPool = ({ connections, idleMs, clock }: SmtpPoolDeps): SmtpPool => {
  const idle: { session: SmtpSession; since: number }[] = [];
  const waiting: ((lease: Lease) => void)[] = [];
  const inUse = new Set<SmtpSession>();
  let busy = 0;
  let shrunk: { to: number; until: number } | null = null;
  let closed = false;
  let sweep: NodeJS.Timeout | null = null;

  const most = (): number => {
    if (shrunk && clock.now().getTime() >= shrunk.until) shrunk = null;
    return shrunk ? Math.min(shrunk.to, connections) : connections;
  };

  const tidy = (): void => {
    const now = clock.now().getTime();
    for (let no = idle.length - 1; no >= 0; no -= 1) {
      const { session, since } = idle[no] as (typeof idle)[number];
      if (!closed && session.alive() && now - since < idleMs) continue;
      session.quit();
      idle.splice(no, 1);
    }
    if (idle.length === 0 && sweep) {
      clearInterval(sweep);
      sweep = null;
    }
  };

  const reusable = (): SmtpSession | null => {
    for (let kept = idle.pop(); kept; kept = idle.pop()) if (kept.session.alive()) return kept.session;
    return null;
  };

  const grant = (): Lease => {
    busy += 1;
    const session = reusable();
    let held = session;
    if (held) inUse.add(held);
    let ended = false;
    return {
      session,
      hold: (opened) => {
        if (held) inUse.delete(held);
        held = opened;
        inUse.add(opened);
      },
      end: (fit) => {
        if (ended) return;
        ended = true;
        busy -= 1;
        if (held) inUse.delete(held);
        if (fit?.alive()) idle.push({ session: fit, since: clock.now().getTime() });
        if (closed) tidy();
        else if (idle.length > 0) sweep ??= setInterval(tidy, Math.max(idleMs / 2, 10)).unref();
        admit();
      },
    };
  };

  const admit = (): void => {
    while (busy < most()) {
      const next = waiting.shift();
      if (!next) return;
      next(grant());
    }
  };

  return {
    lease: (limit) => {
      if (limit.reason !== null) return null;
      // Most mails find a place free: they need not wait for it.
      if (waiting.length === 0 && busy < most()) return grant();
      return new Promise((resolve) => {
        const give = (lease: Lease): void => {
          limit.onEnd = null;
          resolve(lease);
        };
        limit.onEnd = () => {
          waiting.splice(waiting.indexOf(give), 1);
          resolve(null);
        };
        waiting.push(give);
      });
    },
    shrink: () => {
      const live = idle.length + inUse.size;
      if (live === 0) return false;
      shrunk = { to: live, until: clock.now().getTime() + SHRUNK_FOR_MS };
      return true;
    },
    close: () => {
      closed = true;
      tidy();
    },
  };
};
