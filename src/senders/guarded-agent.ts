import { Client } from "undici";
import type { AllowList } from "../domain/address.ts";
import type { Exchange } from "./exchange.ts";
import { makeGuardedConnector } from "./guarded-connector.ts";
import type { Lookup } from "./vetting.ts";

/** What an exchange says of the connection that it had. */
export type Connection = {
  /** The answer has come whole. */
  release(): void;
  /** It failed, or was cut off. */
  lose(): void;
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

/** A connection and the exchange that has it. */
type Slot = Connection & { client: Client; exchange: Exchange | null };

type Origin = {
  name: string;
  slots: Set<Slot>;
  /** The latest used last, so that as few connections as possible stay warm. */
  free: Slot[];
  queue: Exchange[];
};

const MAX_HEADER_BYTES = 16_384;

/**
 * Keep-alive connections by origin, through the guarded connector: undici's Agent with bounds. HTTP/1.1 only, no
 * redirects, no retries, no time limits of its own but on connecting: the exchange has the deadline.
 *
 * It hands undici's Clients their exchanges itself: an exchange that waits begins on the very connection that another
 * leaves, while undici's own Pool would look through all of them, and look each over before it is used again.
 *
 * What is posted in one turn of the event loop goes out together at its end: written one by one between other work, each
 * request wakes a receiver that sleeps again before the next, which costs this side a quarter of its CPU time.
 */
export const makeGuardedAgent = (parts: GuardedAgentParts): GuardedAgent => {
  const { connectionsPerOrigin = 32, idleOrigins = 1_000 } = parts;
  const connect = makeGuardedConnector(parts);
  const origins = new Map<string, Origin>();
  /** Those with nothing running, the longest unused first. */
  const idle = new Map<string, Origin>();
  /** Posted in this turn of the event loop. */
  let gathered: Exchange[] = [];

  const drop = (origin: Origin, slot: Slot): void => {
    origin.slots.delete(slot);
    void slot.client.destroy();
    if (origin.slots.size > 0 || origin.queue.length > 0) return;
    // By identity: an origin that was forgotten may have a successor of its name by then.
    if (origins.get(origin.name) === origin) origins.delete(origin.name);
    if (idle.get(origin.name) === origin) idle.delete(origin.name);
  };

  const begin = (slot: Slot, exchange: Exchange): void => {
    slot.exchange = exchange;
    exchange.connection = slot;
    const { target, headers, body } = exchange;
    slot.client.dispatch({ path: target.path, method: "POST", headers, body }, exchange);
  };

  const nextOf = ({ queue }: Origin): Exchange | null => {
    for (let next = queue.shift(); next; next = queue.shift()) if (next.wanted) return next;
    return null;
  };

  /** Keeps a connection that nobody waits for. */
  const rest = (origin: Origin, slot: Slot): void => {
    origin.free.push(slot);
    if (origin.free.length < origin.slots.size || origins.get(origin.name) !== origin) return;
    idle.set(origin.name, origin);
    const oldest = idle.size > idleOrigins ? idle.values().next().value : undefined;
    if (oldest) for (const unused of oldest.slots) drop(oldest, unused);
  };

  /** The slot is free: whoever waits begins on it. */
  const goOn = (origin: Origin, slot: Slot, otherwise: (origin: Origin, slot: Slot) => void): void => {
    slot.exchange = null;
    const next = nextOf(origin);
    if (next) begin(slot, next);
    else otherwise(origin, slot);
  };

  const openSlot = (origin: Origin): Slot => {
    const client = new Client(origin.name, {
      connect: (options, callback) => connect(options, callback, (dial) => slot.exchange?.onDial(dial)),
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
    });
    const slot: Slot = {
      client,
      exchange: null,
      release: () => goOn(origin, slot, rest),
      // Not from within undici, which is still busy with the connection that failed.
      lose: () => setImmediate(() => goOn(origin, slot, client.stats.connected ? rest : drop)),
    };
    client.on("disconnect", () => {
      const at = slot.exchange === null ? origin.free.indexOf(slot) : -1;
      if (at < 0) return;
      origin.free.splice(at, 1);
      drop(origin, slot);
    });
    origin.slots.add(slot);
    return slot;
  };

  const open = (name: string): Origin => {
    const origin: Origin = { name, slots: new Set(), free: [], queue: [] };
    origins.set(name, origin);
    return origin;
  };

  const start = (exchange: Exchange): void => {
    if (!exchange.wanted) return;
    const { origin: name } = exchange.target;
    const origin = origins.get(name) ?? open(name);
    if (idle.size > 0) idle.delete(name);
    const slot = origin.free.pop() ?? (origin.slots.size < connectionsPerOrigin ? openSlot(origin) : null);
    if (slot) begin(slot, exchange);
    else origin.queue.push(exchange);
  };
  const startGathered = (): void => {
    const burst = gathered;
    gathered = [];
    for (const exchange of burst) start(exchange);
  };

  return {
    post: (exchange) => {
      if (gathered.length === 0) setImmediate(startGathered);
      gathered.push(exchange);
    },
    close: async () => {
      const open = [...origins.values()].flatMap(({ slots }) => [...slots]);
      origins.clear();
      idle.clear();
      await Promise.all(open.map(({ client }) => client.destroy()));
    },
  };
};
