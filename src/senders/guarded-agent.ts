import { type Dispatcher, Pool } from "undici";
import type { AllowList } from "../domain/address.ts";
import { type Dial, makeGuardedConnector } from "./guarded-connector.ts";
import type { Lookup } from "./vetting.ts";

/** One POST as the agent runs it. Exactly one of onResponseEnd and onResponseError follows, once it was begun. */
export type Exchange = Dispatcher.DispatchHandler & {
  readonly origin: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer;
  /** False once it was given up while it waited for a connection: it is then never begun. */
  readonly wanted: boolean;
  /** The connection that is being made for it. */
  onDial(dial: Dial): void;
  onResponseEnd(): void;
  onResponseError(controller: unknown, error: Error): void;
};

export type GuardedAgent = {
  /** Begins the exchange, at once or when its origin has a connection to spare. Never throws. */
  post(exchange: Exchange): void;
  /** Ends every connection. */
  close(): Promise<void>;
};

export type GuardedAgentParts = {
  allow: AllowList;
  timeoutMs: number;
  lookup?: Lookup | undefined;
  ca?: string | undefined;
  /** Connections to one origin; further exchanges wait their turn. */
  connectionsPerOrigin?: number | undefined;
  /** Origins whose idle connections are kept; beyond it the longest unused is closed. */
  idleOrigins?: number | undefined;
};

type Origin = {
  name: string;
  pool: Pool;
  running: number;
  /** Exchanges that ended well, whose connections undici gives back within two turns of the event loop. */
  cooling: number;
  queue: Exchange[];
};

const MAX_HEADER_BYTES = 16_384;

/**
 * Pools of keep-alive connections, one per origin, through the guarded connector: undici's Agent with bounds. HTTP/1.1
 * only, no redirects, no retries, no time limits of its own but on connecting: the exchange has the deadline.
 */
export const makeGuardedAgent = (parts: GuardedAgentParts): GuardedAgent => {
  const { connectionsPerOrigin = 32, idleOrigins = 1_000 } = parts;
  const origins = new Map<string, Origin>();
  /** Those with nothing running, the longest unused first. */
  const idle = new Map<string, Origin>();
  // A pool dials in the same tick as it is given an exchange, so this is the exchange that the dial is for.
  let beginning: Exchange | null = null;
  const connect = makeGuardedConnector({ ...parts, onDial: (dial) => beginning?.onDial(dial) });

  // By identity: a pool that was forgotten still says so when its sockets close, and may have a successor by then.
  const forget = (origin: Origin): void => {
    if (idle.get(origin.name) !== origin) return;
    idle.delete(origin.name);
    origins.delete(origin.name);
    void origin.pool.destroy();
  };
  const forgetUnconnected = (origin: Origin): void => {
    if (origin.pool.stats.connected === 0) forget(origin);
  };
  const rest = (origin: Origin): void => {
    if (origins.get(origin.name) !== origin) return;
    idle.set(origin.name, origin);
    forgetUnconnected(origin);
    const oldest = idle.size > idleOrigins ? idle.values().next().value : undefined;
    if (oldest) forget(oldest);
  };

  const open = (name: string): Origin => {
    const pool = new Pool(name, {
      connect,
      connections: connectionsPerOrigin,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    });
    const origin: Origin = { name, pool, running: 0, cooling: 0, queue: [] };
    pool.on("disconnect", () => forgetUnconnected(origin));
    origins.set(name, origin);
    return origin;
  };

  /** Begins what waits, except for as many as there are connections about to be free: those are worth the wait. */
  const pump = (origin: Origin): void => {
    const { queue } = origin;
    while (queue.length > origin.cooling && origin.running + origin.cooling < connectionsPerOrigin) {
      const next = queue.shift();
      if (next?.wanted) begin(origin, next);
    }
    if (queue.length === 0 && origin.running + origin.cooling === 0) rest(origin);
  };

  const begin = (origin: Origin, exchange: Exchange): void => {
    origin.running += 1;
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: (controller, context) => exchange.onRequestStart?.(controller, context),
      onResponseStart: (controller, status, headers) => exchange.onResponseStart?.(controller, status, headers),
      onResponseData: (controller, chunk) => exchange.onResponseData?.(controller, chunk),
      onResponseEnd: () => {
        origin.running -= 1;
        origin.cooling += 1;
        setImmediate(() =>
          setImmediate(() => {
            origin.cooling -= 1;
            pump(origin);
          }),
        );
        exchange.onResponseEnd();
      },
      onResponseError: (controller, error) => {
        origin.running -= 1;
        // Not from within undici, which is still busy with the connection that failed.
        setImmediate(() => pump(origin));
        exchange.onResponseError(controller, error);
      },
    };
    const { path, headers, body } = exchange;
    const outer = beginning;
    beginning = exchange;
    origin.pool.dispatch({ origin: origin.name, path, method: "POST", headers, body }, handler);
    beginning = outer;
  };

  return {
    post: (exchange) => {
      const origin = origins.get(exchange.origin) ?? open(exchange.origin);
      idle.delete(origin.name);
      origin.queue.push(exchange);
      pump(origin);
    },
    close: async () => {
      const open = [...origins.values()];
      origins.clear();
      idle.clear();
      await Promise.all(open.map(({ pool }) => pool.destroy()));
    },
  };
};
