import { makePlanNotices } from "../src/flow/plan-notices.ts";
import { endRun } from "../src/ledger/chunks.ts";
import { inTransaction } from "../src/ledger/connection.ts";
import { type LoadedDelivery, settleSent } from "../src/ledger/deliveries.ts";
import { fanOutWindow, lockNotice, type NewChunk } from "../src/ledger/fan-out.ts";
import { takeChunk } from "../src/ledger/take-chunk.ts";
import { announce } from "./announce.ts";
import { makeMeter, type Measured } from "./meter.ts";
import type { Stage } from "./stage.ts";

const LEASE_MS = 60_000;

/** As the sender settles what was sent at the first attempt. */
const settlementOf = (waiting: readonly LoadedDelivery[]) => {
  const column = <T>(value: T): T[] => waiting.map(() => value);
  return {
    notice: waiting.map(({ notice }) => notice),
    endpoint: waiting.map(({ endpoint }) => endpoint),
    ageMs: column(5),
    ms: column(5),
    code: column(200),
    answer: column("ok"),
  };
};

/**
 * One notice to `endpoints` endpoints by the ledger's statements of the real way, in order, without the exchanges between
 * them: `fan-out`, then `load` and `settle` for each chunk.
 */
export const sendThroughLedger = async (stage: Stage, endpoints: number): Promise<Measured> => {
  const { parts, sql } = stage;
  const pool = parts.ledger.pools.routine;
  const { sums, measure } = makeMeter(stage);
  const change = await announce(stage, "api");
  await makePlanNotices({ ...parts, fanOutNotice: async () => ({ kind: "done" }) })({ change, revision: 1 });
  const { rows } = await sql.query<{ id: string }>(
    "SELECT id FROM notices WHERE change = $1 AND kind = 'announcement'",
    [change],
  );
  const [{ id } = { id: "" }] = rows;
  let chunks: NewChunk[] = [];
  for (let covered = endpoints; covered === endpoints; )
    covered = await measure("fan-out", () =>
      inTransaction(pool, async (client) => {
        const notice = await lockNotice(client, id);
        if (!notice) throw new Error("the notice is gone");
        const window = await fanOutWindow(client, notice, endpoints);
        chunks = [...chunks, ...window.chunks];
        return window.covered;
      }),
    );
  let sent = 0;
  for (const { id: chunk } of chunks) {
    const taken = await measure("load", () => takeChunk(pool, { chunk, channel: "webhook", leaseMs: LEASE_MS }));
    if (!taken) throw new Error(`somebody else has chunk ${chunk}`);
    const { run, waiting } = taken;
    await measure("settle", async () => {
      await settleSent(pool, settlementOf(waiting));
      await endRun(pool, { chunk, run, pauseMs: 0 });
    });
    sent += waiting.length;
  }
  if (sent !== endpoints) throw new Error(`${sent} deliveries were sent instead of ${endpoints}`);
  return sums;
};
