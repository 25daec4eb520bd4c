import { announce, awaitQuiet, awaitSent } from "./announce.ts";
import { type AskedChild, startChild } from "./ask-child.ts";
import { BARE_LIMITS, targetsOfOne } from "./bare-targets.ts";
import { countCpu } from "./cpu-shares.ts";
import { populate } from "./populate.ts";
import type { Round } from "./result.ts";
import { openStage } from "./stage.ts";
import type { BareRun } from "./yardsticks/bare-webhooks.ts";

export type WebhookTrial = {
  endpoints: number;
  /** Loopback addresses, an origin each. */
  addresses: string[];
  /** Connections are made anew for each request, over TLS. */
  tls?: { key: string; certs: string[]; ca: string; caFile: string };
  senders: number;
  rounds: number;
  /** Whole rounds before those that count: compiled code and warm caches on both sides. */
  warmUp: number;
  deadlineMs: number;
};

const counted = async (sink: AskedChild, expected: number, whose: string): Promise<void> => {
  const { requests } = await sink.ask<{ requests: number }>({ kind: "count" });
  if (requests !== expected) throw new Error(`the sink took ${requests} requests of ${whose} instead of ${expected}`);
};

/** Announces to all endpoints through the real processes, in turn with the bare loop over the same ones. */
export const webhookTrials = async (trial: WebhookTrial): Promise<{ rounds: Round[]; endpoints: number }> => {
  const { endpoints, addresses, tls, senders, deadlineMs } = trial;
  const stage = await openStage();
  const sink = startChild("sinks/http-sink.ts");
  const bare = Array.from({ length: senders }, () => startChild("yardsticks/bare-webhooks.ts"));
  try {
    const fresh = tls !== undefined;
    const { ports } = await sink.ask<{ ports: number[] }>({
      kind: "listen",
      addresses,
      fresh,
      ...(tls && { certificates: tls }),
    });
    const origins = addresses.map((address, no) => `${tls ? "https" : "http"}://${address}:${ports[no]}`);
    const addressOf = (no: number): string => `${origins[no % origins.length]}/hooks/p${no}`;
    const recipients = await populate(stage, { service: "api", count: endpoints, channel: "webhook", addressOf });
    const scheduler = await stage.start("workers/scheduler.ts");
    const env = tls ? { NODE_EXTRA_CA_CERTS: tls.caFile } : {};
    const real = await Promise.all(Array.from({ length: senders }, () => stage.start("workers/webhook.ts", env)));

    const ours = async () => {
      const cpuOver = countCpu(stage, { sender: real.map(({ pid }) => pid), scheduler: [scheduler.pid] });
      const change = await announce(stage, "api");
      const { ms } = await awaitSent(stage, { change, deliveries: endpoints, deadlineMs });
      const cpuUs = cpuOver(endpoints);
      await counted(sink, endpoints, "Forewarn");
      await awaitQuiet(stage);
      return { ms, cpuUs };
    };
    const yardstick = async () => {
      const runs = await Promise.all(bare.map((one) => one.ask<BareRun>({ kind: "run", fresh })));
      await counted(sink, endpoints, "the yardstick");
      if (runs.some(({ failed }) => failed > 0)) throw new Error("the yardstick had failures");
      return {
        ms: Math.max(...runs.map(({ ms }) => ms)),
        cpuUs: runs.reduce((sum, { cpuUs }) => sum + cpuUs, 0) / endpoints,
      };
    };

    const rounds: Round[] = [];
    for (let round = 0; round < trial.warmUp + trial.rounds; round += 1) {
      const us = await ours();
      if (round === 0) {
        const { targets, common } = await targetsOfOne(stage, recipients);
        const each = Math.ceil(endpoints / senders);
        for (const [no, child] of bare.entries())
          await child.ask({
            kind: "load",
            targets: targets.slice(no * each, (no + 1) * each),
            common,
            ...BARE_LIMITS,
            ca: tls?.ca ?? null,
          });
      }
      const them = await yardstick();
      if (round < trial.warmUp) continue;
      rounds.push({
        ratio: them.ms / us.ms,
        cpuUs: { ...us.cpuUs, yardstick: them.cpuUs },
        figures: { "per s": (endpoints / us.ms) * 1_000, "yardstick per s": (endpoints / them.ms) * 1_000 },
      });
      if (process.env["BENCH_VERBOSE"]) console.error(JSON.stringify(rounds.at(-1)));
    }
    return { rounds, endpoints };
  } finally {
    await Promise.all([sink.stop(), ...bare.map((one) => one.stop())]);
    await stage.close();
  }
};
