import type { RouteOptions } from "fastify";
import type { Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { AcceptEvent } from "../flow/accept-event.ts";
import type { Acknowledge } from "../flow/acknowledge.ts";
import type { Drill } from "../flow/drill.ts";
import type { PreviewEvent } from "../flow/preview-event.ts";
import type { Prove } from "../flow/prove.ts";
import type { SendTest } from "../flow/send-test.ts";
import type { TakeBounce } from "../flow/take-bounce.ts";
import type { VerifySeals } from "../flow/verify-seals.ts";
import type { Waive } from "../flow/waive.ts";
import type { Keyring } from "../keyring.ts";
import type { Ledger } from "../ledger/connection.ts";
import type { Log } from "../log.ts";
import type { Outages } from "../outages.ts";
import type { Checks } from "../processes/checks.ts";
import type { Limits } from "./limits.ts";

/** Everything the HTTP API works with; only entry points and tests make one. */
export type HttpParts = {
  config: Pick<Config, "publicUrl" | "webhookAllow" | "templatesFolder" | "mailFrom">;
  ledger: Ledger;
  /** For imports, whose statements take their time; `ledger` when absent. */
  longLedger?: Ledger;
  keyring: Keyring;
  outages: Outages;
  log: Log;
  clock: Clock;
  acceptEvent: AcceptEvent;
  previewEvent: PreviewEvent;
  /** Sends a test notice to one endpoint and resolves to the outcome. */
  sendTest: SendTest;
  acknowledge: Acknowledge;
  waive: Waive;
  prove: Prove;
  verifySeals: VerifySeals;
  takeBounce: TakeBounce;
  /** Throws the queue away and rebuilds it from the ledger. */
  drill: Drill;
  checks: Checks;
  /** Where this program's metrics live; a fresh one when absent. */
  registry?: Registry;
  /** Replaces single limits, for tests. */
  limits?: Partial<Limits>;
  /** Is told of each route, for tests. */
  onRoute?: (route: RouteOptions) => void;
};
