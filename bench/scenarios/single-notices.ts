import { setTimeout as pause } from "node:timers/promises";
import { makePlanNotices } from "../../src/flow/plan-notices.ts";
import { queueNotices } from "../../src/flow/queue-notices.ts";
import type { OpenNotice } from "../../src/ledger/notices.ts";
import { announce } from "../announce.ts";
import { startChild } from "../ask-child.ts";
import { BARE_LIMITS, targetsOfEach } from "../bare-targets.ts";
import { countCpu } from "../cpu-shares.ts";
import { populate, type Recipient } from "../populate.ts";
import { type Round, type Scenario, summary } from "../result.ts";
import { openStage, type Stage } from "../stage.ts";
import type { BareRun } from "../yardsticks/bare-webhooks.ts";

/** A fan-out looks at every endpoint, so their number is felt here as nowhere else. */
const SIZES = {
  full: { notices: 10_000, endpoints: 1_000, rounds: 2, warmUp: 0, leadMs: 5_000 },
  quick: { notices: 60, endpoints: 20, rounds: 1, warmUp: 0, leadMs: 1_000 },
};
const ADDRESSES = Array.from({ length: 8 }, (_, no) => `127.0.0.${no + 1}`);
const DEADLINE_MS = 15 * 60_000;
const POLL_MS = 10;

/** Announcements planned and left alone: nobody has been told yet. */
const planAll = async (stage: Stage, services: readonly string[]): Promise<void> => {
  const plan = makePlanNotices({ ...stage.parts, fanOutNotice: async () => ({ kind: "done" }) });
  for (const service of services) await plan({ change: await announce(stage, service), revision: 1 });
};

/** Makes them all due at one instant ahead, as if nothing had been sent, and queues a delayed job for each; answers the instant. */
const makeDue = async ({ sql, parts }: Stage, leadMs: number): Promise<Date> => {
  await sql.query("TRUNCATE deliveries, chunks");
  await sql.query("VACUUM ANALYZE notices");
  const { rows } = await sql.query<OpenNotice & { fanOutAt: Date }>(
    `UPDATE notices SET status = 'planned', cursor = 0, fan_out_started_at = NULL, fanned_out_at = NULL, done_at = NULL,
                        due_at = now() + $1 * interval '1 millisecond', fan_out_at = now() + $1 * interval '1 millisecond'
     WHERE kind = 'announcement'
     RETURNING no, id, lane, fan_out_at AS "fanOutAt", $1::int AS "dueInMs"`,
    [leadMs],
  );
  const [first] = rows;
  if (!first) throw new Error("there are no notices");
  await queueNotices(parts.queues, rows);
  return first.fanOutAt;
};

/** Waits until all are fanned out and every chunk is done; answers the time since `dueAt` by the ledger's clock. */
const awaitAll = async ({ sql }: Stage, dueAt: Date, notices: number): Promise<number> => {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const { rows } = await sql.query<{ ms: number | null }>({
      name: "bench-all-are-over",
      text: `SELECT CASE WHEN NOT EXISTS (SELECT FROM notices WHERE kind = 'announcement' AND fanned_out_at IS NULL
                           AND (status = 'planned' OR (status = 'sending' AND fanned_out_at IS NULL)))
                          AND NOT EXISTS (SELECT FROM chunks WHERE state <> 'done')
                    THEN extract(epoch FROM clock_timestamp() - $1::timestamptz)::float8 * 1000 END AS ms`,
      values: [dueAt],
    });
    const ms = rows[0]?.ms ?? null;
    if (ms !== null) {
      const { rows: counted } = await sql.query<{ sent: number }>(
        "SELECT count(*) AS sent FROM deliveries WHERE status = 'sent'",
      );
      if (counted[0]?.sent !== notices) throw new Error(`${counted[0]?.sent} of ${notices} notices were sent`);
      return ms;
    }
    if (performance.now() > deadline) throw new Error("the notices were not sent in time");
    await pause(POLL_MS);
  }
};

/** Each notice with the one recipient that it is for. */
const pairsOf = async ({ sql }: Stage, recipients: readonly Recipient[]) => {
  const { rows } = await sql.query<{ notice: number; service: string }>(
    "SELECT n.no AS notice, c.service FROM notices n JOIN changes c USING (change) WHERE n.kind = 'announcement'",
  );
  const followers = new Map(recipients.map((recipient) => [recipient.partner, recipient]));
  return rows.flatMap(({ notice, service }) => {
    const recipient = followers.get(service);
    return recipient ? [{ notice, recipient }] : [];
  });
};

/** Many notices to one endpoint each, all due at one instant: no window, chunk or batch has more than one to share its cost. */
export const singleNotices: Scenario = {
  name: "single-notices",
  run: async (size) => {
    const { notices, endpoints, rounds: count, warmUp, leadMs } = SIZES[size];
    const stage = await openStage();
    const [sink, bare] = [startChild("sinks/http-sink.ts"), startChild("yardsticks/bare-webhooks.ts")];
    try {
      const { ports } = await sink.ask<{ ports: number[] }>({ kind: "listen", addresses: ADDRESSES, fresh: false });
      const origins = ADDRESSES.map((address, no) => `http://${address}:${ports[no]}`);
      const recipients = await populate(stage, {
        service: "api",
        count: endpoints,
        channel: "webhook",
        addressOf: (no) => `${origins[no % origins.length]}/hooks/p${no}`,
        ownServices: true,
      });
      await planAll(
        stage,
        Array.from({ length: notices }, (_, no) => recipients[no % endpoints]?.partner ?? ""),
      );
      const targets = await targetsOfEach(stage, await pairsOf(stage, recipients));
      await bare.ask({ kind: "load", ...targets, ...BARE_LIMITS, ca: null });
      const scheduler = await stage.start("workers/scheduler.ts");
      const sender = await stage.start("workers/webhook.ts");

      const rounds: Round[] = [];
      for (let round = 0; round < warmUp + count; round += 1) {
        const dueAt = await makeDue(stage, leadMs);
        // What queueing took is not counted, nor what waiting for the instant takes.
        await pause(Math.max(0, dueAt.getTime() - Date.now() - 50));
        const cpuOver = countCpu(stage, { sender: [sender.pid], scheduler: [scheduler.pid] });
        const ms = await awaitAll(stage, dueAt, notices);
        const cpuUs = cpuOver(notices);
        const them = await bare.ask<BareRun>({ kind: "run", fresh: false });
        const { requests } = await sink.ask<{ requests: number }>({ kind: "count" });
        if (requests !== 2 * notices || them.failed > 0)
          throw new Error(`the sink took ${requests} requests instead of ${2 * notices}`);
        if (round < warmUp) continue;
        rounds.push({
          ratio: them.ms / ms,
          cpuUs: { ...cpuUs, yardstick: them.cpuUs / notices },
          figures: { "per s": (notices / ms) * 1_000, "yardstick per s": (notices / them.ms) * 1_000 },
        });
      }
      return [
        {
          scenario: `${notices} notices to 1 endpoint each of ${endpoints} on 8 origins, all due at once`,
          goal: "report",
          yardstick: "bare loop over Agent.dispatch",
          ...summary(rounds),
        },
      ];
    } finally {
      await Promise.all([sink.stop(), bare.stop()]);
      await stage.close();
    }
  },
};
