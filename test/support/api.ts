import { randomBytes } from "node:crypto";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { systemClock } from "../../src/clock.ts";
import { makeAcknowledge } from "../../src/flow/acknowledge.ts";
import { makeProve } from "../../src/flow/prove.ts";
import { makeTakeBounce } from "../../src/flow/take-bounce.ts";
import { makeTellProvider } from "../../src/flow/tell-provider.ts";
import { makeVerifySeals } from "../../src/flow/verify-seals.ts";
import { makeWaive } from "../../src/flow/waive.ts";
import { hashKey, mintKey } from "../../src/http/keys.ts";
import type { HttpParts } from "../../src/http/parts.ts";
import { makeServer } from "../../src/http/server.ts";
import { type Keyring, makeKeyring } from "../../src/keyring.ts";
import type { Ledger } from "../../src/ledger/connection.ts";
import { insertKey, SCOPES, type Scope } from "../../src/ledger/keys.ts";
import { makeOutages } from "../../src/outages.ts";
import { atEnd } from "./at-end.ts";
import { freshLedger, quietLog } from "./servers.ts";

export const PUBLIC_URL = "https://notices.example.com";

type Call = { key?: string | null; body?: unknown; type?: string; headers?: Record<string, string> };

type Route = { method: string; url: string; readonly access: string | undefined };

/** An API on a ledger of its own, called without a socket; every part can be replaced. */
export type TestApi = {
  app: FastifyInstance;
  ledger: Ledger;
  keyring: Keyring;
  /** Every route that was registered. */
  routes: readonly Route[];
  /** A key per scope. */
  keys: Record<Scope, string>;
  /** With the admin key unless told otherwise; a body that is no text is sent as JSON. */
  call(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", url: string, call?: Call): Promise<LightMyRequestResponse>;
};

const notUsed = () => Promise.reject(new Error("this test was not to come here"));
const fine = () => Promise.resolve("ok");

export const makeKey = async (ledger: Ledger, scopes: readonly Scope[]): Promise<string> => {
  const { id, whole } = mintKey();
  await insertKey(ledger.pools.routine, { key: id, name: scopes.join(" "), hash: hashKey(whole), scopes });
  return whole;
};

export const openApi = async (replaced: Partial<HttpParts> = {}): Promise<TestApi> => {
  const ledger = replaced.ledger ?? (await freshLedger()).ledger;
  const keyring = makeKeyring(randomBytes(32).toString("hex"));
  const routes: Route[] = [];
  const app = await makeServer({
    config: {
      publicUrl: PUBLIC_URL,
      webhookAllow: ["127.0.0.0/8"],
      templatesFolder: undefined,
      mailFrom: "API changes <changes@example.com>",
    },
    ledger,
    keyring,
    outages: makeOutages({ log: quietLog }),
    log: quietLog,
    clock: systemClock,
    acceptEvent: notUsed,
    previewEvent: notUsed,
    sendTest: notUsed,
    drill: notUsed,
    acknowledge: makeAcknowledge({
      ledger,
      tellProvider: makeTellProvider({ channels: ["email"], log: quietLog }),
      publicUrl: PUBLIC_URL,
      log: quietLog,
    }),
    waive: makeWaive({ ledger, log: quietLog }),
    prove: makeProve({ ledger }),
    verifySeals: makeVerifySeals({ ledger }),
    takeBounce: makeTakeBounce({ ledger, keyring, log: quietLog }),
    checks: { postgres: fine, redis: fine, smtp: fine, queue: fine },
    ...replaced,
    onRoute: (route) => {
      for (const method of [route.method].flat())
        routes.push({
          method,
          url: route.url,
          // Read late: hooks of parts of the server come after this one.
          get access() {
            return route.config?.access;
          },
        });
    },
  });
  atEnd(() => app.close());
  await app.ready();
  const keys = Object.fromEntries(
    await Promise.all(SCOPES.map(async (scope) => [scope, await makeKey(ledger, [scope])])),
  ) as Record<Scope, string>;
  return {
    app,
    ledger,
    routes,
    keyring: replaced.keyring ?? keyring,
    keys,
    call: (method, url, { key = keys.admin, body, type, headers = {} } = {}) => {
      const options: InjectOptions = { method, url, headers: { ...headers } };
      if (key !== null) Object.assign(options.headers ?? {}, { authorization: `Bearer ${key}` });
      if (body !== undefined) {
        Object.assign(options.headers ?? {}, { "content-type": type ?? "application/json" });
        options.payload = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      }
      return app.inject(options);
    },
  };
};
