import { storableText } from "../domain/storable.ts";
import type { Ledger } from "../ledger/connection.ts";
import { insertRefusedEvent } from "../ledger/events.ts";
import type { Log } from "../log.ts";
import type { AcceptEvent } from "./accept-event.ts";
import { envelopeHash } from "./record-event.ts";

/** What an event that was refused calls itself, as far as it can be read. */
const namesOf = (envelope: unknown): Record<string, string | undefined> => {
  const text = (value: unknown): string | undefined => (typeof value === "string" ? storableText(value) : undefined);
  const { id, source, data } = (envelope ?? {}) as Record<string, unknown>;
  const { change } = (data ?? {}) as Record<string, unknown>;
  return { id: text(id), source: text(source), change: text(change) };
};

export type TakeEvent = (envelope: unknown) => Promise<void>;

/**
 * Takes an event off the queue: accepted as over HTTP, or, since nobody waits for an answer, kept with the reason why it
 * was refused (`GET /v1/events?status=refused`). The promise begins when this resolves and the job completes.
 */
export const makeTakeEvent =
  ({ acceptEvent, ledger, log }: { acceptEvent: AcceptEvent; ledger: Ledger; log: Log }): TakeEvent =>
  async (envelope) => {
    const result = await acceptEvent(envelope);
    if (result.kind === "accepted") return;
    const { problem, message, faults } = result.problem;
    await insertRefusedEvent(ledger.pools.urgent, {
      envelope,
      bodyHash: envelopeHash(envelope),
      refusal: { problem, detail: message, errors: faults },
    });
    log.warn({ ...namesOf(envelope), problem, detail: message }, "event refused and kept");
  };
