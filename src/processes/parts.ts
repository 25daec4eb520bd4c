import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Policy } from "../domain/policy.ts";
import type { Keyring } from "../keyring.ts";
import type { Ledger } from "../ledger/connection.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import type { Queues } from "../queue/queues.ts";

/** What every process of an installation shares once it is connected. */
export type Parts = {
  config: Config;
  policy: Policy;
  log: Log;
  clock: Clock;
  ledger: Ledger;
  databaseUrl: string;
  redisUrl: string;
  /** Every key in Redis starts with it. */
  prefix: string;
  /** The producers' connection. */
  redis: Redis;
  queues: Queues;
  /** Who tells of a part that is away, once. */
  outages: Outages;
  keyring: Keyring;
  /** This process's metrics. */
  registry: Registry;
  /** Closes the connections; whoever uses them is stopped first. */
  close(): Promise<void>;
};

/** A part of the program that runs until it is stopped; `stop` finishes or gives back what is in flight. */
export type Running = { stop(): Promise<void> };
