import { addressOf, type Config } from "../config.ts";
import { makeAcceptEvent } from "../flow/accept-event.ts";
import { makeAcknowledge } from "../flow/acknowledge.ts";
import { makeDrill } from "../flow/drill.ts";
import { makePreviewEvent } from "../flow/preview-event.ts";
import { makeProve } from "../flow/prove.ts";
import { makeReconcile } from "../flow/reconcile.ts";
import { makeSendTest } from "../flow/send-test.ts";
import { makeTakeBounce } from "../flow/take-bounce.ts";
import { makeTellProvider } from "../flow/tell-provider.ts";
import { makeVerifySeals } from "../flow/verify-seals.ts";
import { makeWaive } from "../flow/waive.ts";
import { adminKeyShown, ensureAdminKey } from "../http/first-key.ts";
import { makeServer } from "../http/server.ts";
import { openLedger } from "../ledger/connection.ts";
import { makeChecks } from "./checks.ts";
import type { Parts, Running } from "./parts.ts";
import { contactChannels } from "./provider-alerts.ts";

/** Shorter than an emitter's usual patience: a ledger that stands still is answered with 503, never with silence. */
const PATIENCE_MS = 5_000;
/**
 * Events and keys take the urgent ones. With four of them no more than 200 events a second go through once each keeps one for 20 ms:
 * requests then waited for seconds behind each other, with a third of the machine idle (docs/performance.md).
 */
const CONNECTIONS = { urgent: 16, routine: 8 };

/** The API of one process, listening. */
export type Api = Running & {
  /** `http://127.0.0.1:8484` */
  address: string;
};

const printKey = (key: string, { dataFolder }: Config): void =>
  void process.stderr.write(`The first admin key, shown this once and kept in ${dataFolder}/admin-key:\n${key}\n`);

/**
 * Serves the HTTP API and the pages at the configuration's host and port (0: any free one).
 *
 * `showKey` is given the first admin key, once it listens and as long as nobody has seen it. Stopping takes no new request and finishes
 * those that are running.
 */
export const startApi = async (parts: Parts, showKey = printKey): Promise<Api> => {
  const { config, policy, log } = parts;
  const { made } = await ensureAdminKey(parts);
  const tellProvider = makeTellProvider({ channels: contactChannels(config), log });
  // Connections of its own: a request is given up that the flow would wait for, and no fan-out takes them all.
  const ledger = openLedger(parts.databaseUrl, log, {
    connections: CONNECTIONS,
    patienceMs: PATIENCE_MS,
    filtered: "routine",
  });
  for (const pool of Object.values(ledger.pools)) pool.on("error", () => parts.outages.suspect("ledger"));
  const prompt = { ...parts, ledger };
  const server = await makeServer({
    ...prompt,
    longLedger: parts.ledger,
    drill: makeDrill({ ...parts, reconcile: makeReconcile(parts) }),
    acceptEvent: makeAcceptEvent(prompt),
    previewEvent: makePreviewEvent(prompt),
    sendTest: makeSendTest(prompt),
    acknowledge: makeAcknowledge({ ...prompt, tellProvider, publicUrl: config.publicUrl }),
    waive: makeWaive(prompt),
    prove: makeProve(parts),
    verifySeals: makeVerifySeals(parts),
    takeBounce: makeTakeBounce(prompt),
    checks: makeChecks(prompt),
  });
  await server.listen({ host: config.host, port: config.port });
  const bound = server.server.address();
  const address = addressOf(config.host, typeof bound === "object" && bound ? bound.port : config.port);
  if (made !== null) {
    showKey(made, config);
    adminKeyShown(config.dataFolder);
  }
  const stop = async (): Promise<void> => {
    await server.close();
    await ledger.close();
  };
  log.info({ listening: address, policyZone: policy.timeZone }, "the API listens");
  return { address, stop };
};
