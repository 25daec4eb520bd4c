import { setTimeout as wait } from "node:timers/promises";
import { deliveryId, endpointId } from "../domain/delivery.ts";
import { Problem } from "../errors.ts";
import { inTransaction, type Ledger } from "../ledger/connection.ts";
import { findTestOutcome, insertTestNotice, type TestOutcome } from "../ledger/test-notices.ts";
import type { Log } from "../log.ts";
import type { Queues } from "../queue/queues.ts";
import { needQueue } from "./need-queue.ts";
import { queueChunks } from "./queue-chunks.ts";

const POLL_MS = 50;
/** Longer than one attempt may take. */
const PATIENCE_MS = 20_000;

export type SentTest = { delivery: string } & TestOutcome;

export type SendTest = (endpoint: number) => Promise<SentTest>;

/**
 * Sends a test notice to one endpoint by the ordinary way (a delivery, a chunk, the urgent lane) and answers what the
 * first attempt came to. Throws Problem `not-found` for an unknown endpoint, `unavailable` when no sender took it in time.
 */
export const makeSendTest =
  ({ ledger, queues, log }: { ledger: Ledger; queues: Queues; log: Log }): SendTest =>
  async (endpoint) => {
    needQueue(queues);
    const made = await inTransaction(ledger.pools.urgent, (sql) => insertTestNotice(sql, endpoint));
    if (!made) throw new Problem("not-found", `there is no endpoint ${endpointId(endpoint)}`);
    const delivery = deliveryId(made.notice.id, endpoint);
    await queueChunks(queues, [made.chunk]).catch((error: unknown) => {
      log.debug({ err: error, delivery }, "test notice not queued");
      throw new Problem(
        "unavailable",
        `the queue did not take the test ${delivery}: it goes out once the queue is back`,
      );
    });
    log.info({ delivery }, "test notice queued");
    for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await wait(POLL_MS)) {
      const outcome = await findTestOutcome(ledger.pools.urgent, made.notice.no, endpoint);
      if (outcome && (outcome.status !== "waiting" || outcome.attempts.length > 0)) return { delivery, ...outcome };
    }
    throw new Problem(
      "unavailable",
      `the test ${delivery} was queued, but no sender took it within ${PATIENCE_MS / 1_000} s; see that a worker for its channel runs`,
    );
  };
