import { setTimeout as wait } from "node:timers/promises";
import { type Lane, LANES } from "../domain/category.ts";
import { makeAcceptEvent } from "../flow/accept-event.ts";
import { makeFanOutNotice } from "../flow/fan-out-notice.ts";
import { makeFanOutTogether } from "../flow/fan-out-together.ts";
import { makePlanCreations } from "../flow/plan-creations.ts";
import { makePlanNotices } from "../flow/plan-notices.ts";
import { makeReconcile, type Reconcile } from "../flow/reconcile.ts";
import { makeSealNew } from "../flow/seal.ts";
import { makeSweep } from "../flow/sweep.ts";
import { makeTakeEvent } from "../flow/take-event.ts";
import { makeTellProvider } from "../flow/tell-provider.ts";
import { makeTendPartners } from "../flow/tend-partners.ts";
import { makeWatchMinimums } from "../flow/watch-minimums.ts";
import { makeWatchOverdue } from "../flow/watch-overdue.ts";
import { findPauses } from "../ledger/installation.ts";
import { noticeJob, planJob } from "../queue/jobs.ts";
import { EXPECTED_MS } from "../queue/lanes.ts";
import { noticeQueue, planQueue } from "../queue/queues.ts";
import { hearUrgent, tellUrgent } from "../queue/urgent-word.ts";
import { openWorker } from "../queue/worker.ts";
import type { Parts, Running } from "./parts.ts";
import { contactChannels } from "./provider-alerts.ts";
import { every } from "./timers.ts";

const SWEEP_MS = 1_000;
/** What runs each minute runs at different seconds of it: together they would take both cores from whoever is waited for. */
const RECONCILE_MS = 60_000;
const OVERDUE_MS = 15_000;
const SEAL_MS = 60_000;
/** Most of them wait for their reminders to go to Redis with those of others. */
const PLANS_AT_ONCE = 16;
const DONE = { kind: "done" } as const;

/** Other processes reconnect within two seconds, and reconciling leaves alone what is younger than five. */
const AFTER_OUTAGE_MS = 8_000;

/**
 * Looks soon after an outage of Redis for what was accepted meanwhile and for what it may have lost: an emergency does not
 * wait for the minute's reconciling. Likewise after a start, before which nobody saw whether there was an outage.
 */
const lookAfterOutage = ({ redis }: Pick<Parts, "redis">, reconcile: Reconcile): (() => Promise<void>) => {
  const soon = (): number => performance.now() + AFTER_OUTAGE_MS;
  let lookAt = redis.status === "ready" ? soon() : Number.POSITIVE_INFINITY;
  redis.on("reconnecting", () => {
    lookAt = Number.POSITIVE_INFINITY;
  });
  redis.on("ready", () => {
    lookAt = soon();
  });
  return async () => {
    const looked = lookAt;
    if (performance.now() < looked) return;
    await reconcile.run("outage");
    if (lookAt === looked) lookAt = Number.POSITIVE_INFINITY;
  };
};

/** Who starts a scheduler expects notices to go out: a pause that outlived the former one is told. */
const warnOfPauses = async ({ ledger, log }: Pick<Parts, "ledger" | "log">): Promise<void> => {
  const { pausedAt, changes } = await findPauses(ledger.pools.urgent);
  if (pausedAt !== null) log.warn({ pausedAt }, "all sending is still paused, emergencies too");
  if (changes.length > 0)
    log.warn(
      { changes: changes.map(({ change }) => change).slice(0, 10), count: changes.length },
      "changes are still paused",
    );
};

/** Plans events, fans out due notices, sweeps each second and reconciles each minute. Run as many as you like. */
export const startScheduler = async (parts: Parts): Promise<Running> => {
  const { config, ledger, queues, outages, redis, redisUrl, prefix, registry, log } = parts;
  await warnOfPauses(parts);
  const takeEvent = makeTakeEvent({ acceptEvent: makeAcceptEvent(parts), ledger, log });
  let quietAt = 0;
  const words = hearUrgent(parts, () => {
    quietAt = performance.now() + EXPECTED_MS;
  });
  const untilQuiet = async (): Promise<void> => {
    const ms = quietAt - performance.now();
    if (ms > 0) await wait(ms);
  };
  const fanOutNotice = makeFanOutNotice({ ledger, queues, untilQuiet, log });
  const planNotices = makePlanNotices({ ledger, queues, fanOutNotice, log });
  const fanOutTogether = makeFanOutTogether({ ledger, queues, untilQuiet, log });
  const planCreations = makePlanCreations({ ledger, queues, fanOutTogether, log });
  const sweep = makeSweep({ ledger, queues, log });
  const tellProvider = makeTellProvider({ channels: contactChannels(config), log });
  const tendPartners = makeTendPartners({ ledger, tellProvider, publicUrl: config.publicUrl, log });
  const watchMinimums = makeWatchMinimums({ ledger, tellProvider, publicUrl: config.publicUrl });
  const sealNew = makeSealNew({ ledger, log });
  const reconcile = makeReconcile({ ledger, queues, redis, log, prefix, registry });
  const rebuildWhenFlushed = async (): Promise<void> => {
    if (await reconcile.wasFlushed()) await reconcile.run("flush");
  };
  const watchOverdue = makeWatchOverdue({ ledger, log });

  const tell = (lane: Lane): void => {
    if (lane === "urgent") tellUrgent(redis, prefix);
  };

  const workers = [
    openWorker({
      redisUrl,
      prefix,
      outages,
      log,
      queue: "events",
      concurrency: 4,
      run: async (data) => takeEvent(data).then(() => DONE),
    }),
    ...LANES.flatMap((lane) => [
      openWorker({
        redisUrl,
        prefix,
        outages,
        log,
        queue: planQueue(lane),
        concurrency: PLANS_AT_ONCE,
        run: async (data) => {
          tell(lane);
          const job = planJob.parse(data);
          await ("creations" in job ? planCreations(job) : planNotices(job));
          return DONE;
        },
      }),
      openWorker({
        redisUrl,
        prefix,
        outages,
        log,
        queue: noticeQueue(lane),
        concurrency: 4,
        run: async (data) => {
          tell(lane);
          const result = await fanOutNotice(noticeJob.parse(data));
          return result.kind === "later" ? result : DONE;
        },
      }),
    ]),
  ];
  const timers = [
    every(SWEEP_MS, "sweep", { tick: sweep, outages, log }),
    every(SWEEP_MS, "watching for a flush", { tick: rebuildWhenFlushed, outages, log }),
    every(SWEEP_MS, "looking after an outage", { tick: lookAfterOutage(parts, reconcile), outages, log }),
    every(SWEEP_MS, "welcoming and escalating", { tick: tendPartners, outages, log }),
    every(RECONCILE_MS, "watching minimums", { tick: watchMinimums, outages, log, firstMs: RECONCILE_MS / 3 }),
    every(SEAL_MS, "sealing", { tick: async () => void (await sealNew()), outages, log, firstMs: (2 * SEAL_MS) / 3 }),
    every(OVERDUE_MS, "watching for what is overdue", { tick: async () => void (await watchOverdue()), outages, log }),
    every(RECONCILE_MS, "reconcile", { tick: async () => void (await reconcile.run("timer")), outages, log }),
  ];
  return {
    stop: async () => {
      await Promise.all([...timers, ...workers, words].map((one) => one.stop()));
    },
  };
};
