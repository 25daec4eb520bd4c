import { setTimeout as pause } from "node:timers/promises";
import type { Category } from "../src/domain/category.ts";
import { makeAcceptEvent } from "../src/flow/accept-event.ts";
import type { Stage } from "./stage.ts";

const POLL_MS = 10;
/** While much is left: a question costs as much as twenty deliveries, on the machine that is being measured. */
const LONG_POLL_MS = 100;
const FEW_CHUNKS = 10;
const DETAILS = "The old fields stay readable until the release; new integrations read the new ones. ".repeat(3);

/** What a change says, a webhook of about 1 KB. */
const changeData = (announced: { change: string; service: string; category: Category; releaseAt: string }) => ({
  ...announced,
  title: "Measurements get a new unit field",
  summary: "Every measurement carries its unit as a field of its own.",
  details: DETAILS,
  action: "Read the field `unit` before the release.",
});

const daysAhead = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

/** All ids are as long: what Redis allots goes by steps. */
let events = 10_000;

/** The creation of a change whose announcement is due at once. */
export const creation = (service: string, category: "major" | "emergency") => {
  events += 1;
  const change = `CHG-${events}`;
  const releaseAt = daysAhead(category === "emergency" ? 7 : 200);
  return {
    specversion: "1.0",
    id: `bench-${events}`,
    source: "/bench",
    type: "forewarn.change.created",
    data: changeData({ change, service, category, releaseAt }),
  };
};

/** Accepts one, as the API does; answers the change. */
export const announce = async (
  { parts }: Pick<Stage, "parts">,
  service: string,
  category: "major" | "emergency" = "major",
): Promise<string> => {
  const event = creation(service, category);
  const { change } = event.data;
  const accepted = await makeAcceptEvent(parts)(event);
  if (accepted.kind === "refused") throw accepted.problem;
  return change;
};

/** From due to the last outcome committed and its chunk done, by the ledger's clock. */
export type FanOutRun = { ms: number; sent: number };

/** Waits until every delivery of the change's announcement is settled; throws when one is not `sent` or time runs out. */
export const awaitSent = async (
  { sql }: Pick<Stage, "sql">,
  { change, deliveries, deadlineMs }: { change: string; deliveries: number; deadlineMs: number },
): Promise<FanOutRun> => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    // The chunks are few: asking the deliveries would be felt by what is measured.
    const { rows } = await sql.query<{ ms: number; fannedOut: boolean; chunks: number }>({
      name: "bench-is-over",
      text: `SELECT extract(epoch FROM clock_timestamp() - n.due_at)::float8 * 1000 AS ms, n.fanned_out_at IS NOT NULL AS "fannedOut",
                    (SELECT count(*) FROM (SELECT FROM chunks WHERE lane = n.lane AND state <> 'done' LIMIT ${FEW_CHUNKS}) AS open) AS chunks
             FROM notices n WHERE n.change = $1 AND n.kind = 'announcement'`,
      values: [change],
    });
    const { ms, fannedOut, chunks } = rows[0] ?? { ms: 0, fannedOut: false, chunks: 0 };
    if (fannedOut && chunks === 0) {
      const { rows: counted } = await sql.query<{ sent: number }>(
        `SELECT count(*) AS sent FROM deliveries JOIN notices ON no = notice
         WHERE change = $1 AND kind = 'announcement' AND deliveries.status = 'sent'`,
        [change],
      );
      const sent = counted[0]?.sent ?? 0;
      if (sent !== deliveries) throw new Error(`${sent} of ${deliveries} deliveries of ${change} are sent`);
      return { ms, sent };
    }
    if (performance.now() > deadline) throw new Error(`${change} was not sent within ${deadlineMs} ms`);
    await pause(chunks < FEW_CHUNKS ? POLL_MS : LONG_POLL_MS);
  }
};

/** Waits until the sweeper has closed every notice that was sent, so that nothing of one run is left in the next. */
export const awaitQuiet = async ({ sql }: Pick<Stage, "sql">, deadlineMs = 30_000): Promise<void> => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const { rows } = await sql.query<{ open: boolean }>(
      "SELECT EXISTS (SELECT FROM notices WHERE status = 'sending') AS open",
    );
    if (rows[0]?.open === false) return;
    if (performance.now() > deadline) throw new Error("a notice is not done");
    await pause(POLL_MS);
  }
};
