import { wordsOf } from "./errors.ts";
import { faultyPart } from "./faulty-part.ts";
import type { Log } from "./log.ts";

/** What this program leans on, and goes on without for a while. */
export type PartName = "ledger" | "queue" | "relay";

/** How an outage is told, and its end. */
const TOLD: Record<PartName, { level: "error" | "warn"; gone: string; back: string }> = {
  ledger: {
    level: "error",
    gone: "PostgreSQL cannot be used: what is under way waits until it is back",
    back: "PostgreSQL is back",
  },
  queue: {
    level: "warn",
    gone: "Redis cannot be reached: what is accepted waits in the ledger",
    back: "Redis is back",
  },
  relay: { level: "warn", gone: "mail relay cannot be reached: mails wait", back: "the mail relay is back" },
};

const LOOK_MS = 1_000;
/** An outage is over once nothing has failed for this long since the part answered: what flickers is one outage. */
const CALM_MS = 3_000;

type Outage = {
  since: number;
  /** Suspected only, until something fails. */
  told: boolean;
  /** How often what failed for want of the part. */
  failed: Map<string, number>;
  /** Since when the part has done its work again without a failure in between. */
  worksSince: number | null;
  asking: boolean;
};

/** Tells of a part's absence once when it begins and once when it is over, however many requests, jobs and timers meet it. */
export type Outages = {
  /** Whether `error` says that a part is away; then that is told, and `what` is counted among what failed meanwhile. */
  explain(error: unknown, what: string): boolean;
  /** `part` is away: `what` failed for want of it. */
  lost(part: PartName, fault: unknown, what?: string): void;
  /** `part` may be away. Nothing is said while it answers when it is asked. */
  suspect(part: PartName): void;
  /** `part` did its work. */
  found(part: PartName): void;
  close(): void;
};

type Deps = {
  log: Log;
  /** Rejects while the part does not do its work. A part without is found by whoever uses it. */
  ask?: Partial<Record<PartName, () => Promise<unknown>>>;
  /** Milliseconds that only grow. */
  now?: () => number;
};

/**
 * One for a process: whoever meets a failure gives it here first, and speaks of it itself only when no part's absence
 * explains it. While a part is away it is asked each second, so that its return is told even where nobody needs it.
 */
export const makeOutages = ({ log, ask = {}, now = () => performance.now() }: Deps): Outages => {
  const outages = new Map<PartName, Outage>();
  let timer: NodeJS.Timeout | null = null;

  const rest = (): void => {
    if (timer) clearInterval(timer);
    timer = null;
  };

  const end = (part: PartName, { since, worksSince, told, failed }: Outage): void => {
    outages.delete(part);
    if (outages.size === 0) rest();
    const awayMs = Math.round((worksSince ?? now()) - since);
    if (told) log.info({ part, awayMs, failed: Object.fromEntries(failed) }, TOLD[part].back);
  };

  const found = (part: PartName): void => {
    const outage = outages.get(part);
    if (!outage) return;
    outage.worksSince ??= now();
    if (!outage.told) end(part, outage);
  };

  const look = (part: PartName, outage: Outage): void => {
    if (outage.worksSince !== null && now() - outage.worksSince >= CALM_MS) return end(part, outage);
    const question = ask[part];
    if (!question || outage.asking) return;
    outage.asking = true;
    void question()
      .then(
        () => found(part),
        (error: unknown) => lost(part, error),
      )
      .finally(() => {
        outage.asking = false;
      });
  };

  const begin = (part: PartName): Outage => {
    const outage: Outage = { since: now(), told: false, failed: new Map(), worksSince: null, asking: false };
    outages.set(part, outage);
    timer ??= setInterval(() => {
      for (const [name, open] of outages) look(name, open);
    }, LOOK_MS).unref();
    return outage;
  };

  const lost: Outages["lost"] = (part, fault, what) => {
    const outage = outages.get(part) ?? begin(part);
    outage.worksSince = null;
    if (what !== undefined) outage.failed.set(what, (outage.failed.get(what) ?? 0) + 1);
    if (outage.told) return;
    outage.told = true;
    const { level, gone } = TOLD[part];
    log[level]({ part, fault: wordsOf(fault) }, gone);
  };

  return {
    lost,
    found,
    suspect: (part) => {
      if (!outages.has(part)) begin(part);
    },
    explain: (error, what) => {
      const part = faultyPart(error);
      if (part === null) return false;
      lost(part, error, what);
      log.debug({ err: error, what, part }, "failed for want of a part");
      return true;
    },
    close: rest,
  };
};
