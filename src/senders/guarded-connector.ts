import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, createSecureContext } from "node:tls";
import type { buildConnector } from "undici";
import type { AllowList } from "../domain/address.ts";
import { AddressNotAllowed, type Lookup, makeVetting } from "./vetting.ts";

/** How far a connection got. */
export type DialStage = "lookup" | "connect" | "TLS";

/** A connection being made. */
export type Dial = { readonly stage: DialStage; abandon(reason: Error): void };

/** Why there is no connection; `stage` is where it ended. */
export class DialError extends Error {
  override readonly name = "DialError";
  readonly stage: DialStage;
  constructor(stage: DialStage, cause: Error) {
    super(cause.message, { cause });
    this.stage = stage;
  }
}

export type GuardedConnectorParts = {
  allow: AllowList;
  /** A stop for dials that no exchange watches. */
  timeoutMs: number;
  lookup?: Lookup | undefined;
  /** Certificates to trust instead of the system's; for tests. */
  ca?: string | undefined;
};

/** undici's connector, and `onDial`, which is called with what is being connected before this returns. */
export type GuardedConnector = (
  options: buildConnector.Options,
  callback: buildConnector.Callback,
  onDial: (dial: Dial) => void,
) => void;

/** Node's own 250 ms gives up on hosts that are merely far away. */
const ATTEMPT_MS = 2_000;
const KEEP_ALIVE_DELAY_MS = 60_000;
const MAX_SESSIONS = 1_000;

/**
 * A connector for undici that vets the very address it connects to, each time it connects: literals before connecting,
 * names by what they resolve to, and once more what the socket says it reached. Of a name's addresses only those that
 * may be reached are tried, and with none AddressNotAllowed is the answer. `http:` reaches only the allow-list.
 */
export const makeGuardedConnector = (parts: GuardedConnectorParts): GuardedConnector => {
  const { timeoutMs, ca } = parts;
  const { objection, lookupFor } = makeVetting(parts);
  const secureContext = createSecureContext(ca === undefined ? {} : { ca });
  const sessions = new Map<string, Buffer>();
  const remember = (site: string, session: Buffer): void => {
    const oldest = sessions.size >= MAX_SESSIONS ? sessions.keys().next().value : undefined;
    if (oldest !== undefined) sessions.delete(oldest);
    sessions.set(site, session);
  };

  return ({ hostname, protocol, port }, callback, onDial) => {
    const secure = protocol === "https:";
    const literal = isIP(hostname) !== 0;
    const refused = literal ? objection(hostname, secure) : null;
    if (refused) return queueMicrotask(() => callback(refused, null));

    let stage: DialStage = literal ? "connect" : "lookup";
    const target = {
      host: hostname,
      port: Number(port) || (secure ? 443 : 80),
      lookup: lookupFor(secure, () => {
        stage = "connect";
      }),
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      noDelay: true,
    };
    // RFC 6066, section 3: no literal and no trailing dot in SNI.
    const servername = literal ? "" : hostname.replace(/\.$/, "");
    const site = `${servername}:${port}`;
    const session = sessions.get(site);
    const socket: Socket = secure
      ? connectTls({
          ...target,
          servername,
          secureContext,
          rejectUnauthorized: true,
          ALPNProtocols: ["http/1.1"],
          ...(session && { session }),
        })
      : connectTcp(target);
    if (secure && servername) socket.on("session", (fresh: Buffer) => remember(site, fresh));

    const stop = setTimeout(() => socket.destroy(new Error("no connection in time")), timeoutMs);
    let waiting = true;
    const settle = (error: Error | null): void => {
      if (!waiting) return;
      waiting = false;
      clearTimeout(stop);
      if (error === null) callback(null, socket);
      else callback(error instanceof AddressNotAllowed ? error : new DialError(stage, error), null);
    };
    socket.once("connect", () => {
      const objected = objection(socket.remoteAddress ?? "", secure);
      if (objected) socket.destroy(objected);
      else if (secure) stage = "TLS";
      else settle(null);
    });
    if (secure) socket.once("secureConnect", () => settle(null));
    socket.on("error", settle);
    socket.once("close", () => settle(new Error("the connection was closed")));
    onDial({
      get stage() {
        return stage;
      },
      abandon: (reason) => {
        socket.destroy(reason);
      },
    });
  };
};
