import { formatInstant, releaseInstant } from "./calendar.ts";
import type { Channel } from "./category.ts";
import type { Change, ChangeStatus } from "./change.ts";
import { hasTime, spanOf } from "./duration.ts";
import { demandOf, type Policy } from "./policy.ts";
import { judge, type Verdict } from "./verdict.ts";

/**
 * What is owed to one partner on one change, and whether it was kept. Who moves it on: `pending` → `met` by a notice that
 * reaches the partner in time, → `breached` by the day after which the minimum can no longer be kept; `breached` →
 * `waived` by a named person. A new release date begins anew.
 */
export const OBLIGATIONS = ["pending", "met", "breached", "waived"] as const;
export type Obligation = (typeof OBLIGATIONS)[number];

/** How we know that a partner was told, the weakest first. */
export const RUNGS = ["accepted", "delivered", "acknowledged"] as const;
export type Rung = (typeof RUNGS)[number];

/** What an answer of the other side proves: 250 of a relay that it took the mail, 2xx that the partner's server has it. */
export const RUNG_OF: Record<Channel, Rung> = { email: "accepted", webhook: "delivered" };

/** The highest of what is known; null when nothing is. */
export const highestRung = (known: readonly Rung[]): Rung | null =>
  RUNGS.findLast((rung) => known.includes(rung)) ?? null;

/** A change as its obligations see it. */
export type Duty = {
  status: ChangeStatus;
  /** As accepted; a release before its date counts from when it was. */
  releaseAt: string | undefined;
  /** Since when the date holds. UTC. */
  dateSince: string;
  /** The minimum that its category demands; undefined: none. */
  demand: string | undefined;
  /** Whether its category tells anybody of anything. */
  speaks: boolean;
  zone: string;
};

/** What the ledger knows of one partner and the change's present date. */
export type PartnerFacts = {
  /** The earliest `sent` that bore this date and did not bounce. UTC. */
  toldAt: string | null;
  joinedAt: string;
  /** When the partner left; null: it is here. */
  leftAt: string | null;
  /** Whether the partner asks to be told of the service. */
  subscribed: boolean;
  /** Statuses of its endpoints that take nothing any more, when none is left that does; null: some endpoint lives. */
  unreachable: readonly string[] | null;
  /** Why the latest notice that bore this date did not go out. */
  missed: string | null;
  waived: boolean;
};

export type Finding = {
  obligation: Obligation;
  /** Whole calendar days and months from telling to release in the policy's zone; null when untold or undated. */
  noticeDays: number | null;
  noticeMonths: number | null;
  /** Why it is not simply met. */
  reason: string | null;
};

/**
 * The duty of a change under the policy of its latest revision. `status` and `releasedAt` (UTC; null: not released) are as
 * of now: a release by the schedule makes no revision, and one before its date shortens the notice that was given.
 */
export const dutyOf = (
  { fields, critical, dateSince }: Change,
  policy: Policy,
  { status, releasedAt }: { status: ChangeStatus; releasedAt: string | null },
): Duty => {
  const demand = demandOf(policy, fields.category, critical);
  const early =
    releasedAt !== null &&
    fields.releaseAt !== undefined &&
    releasedAt < formatInstant(releaseInstant(fields.releaseAt, policy.timeZone));
  return {
    status,
    releaseAt: early ? releasedAt : fields.releaseAt,
    dateSince,
    demand: demand.minimumNotice,
    speaks: demand.notices.length > 0,
    zone: policy.timeZone,
  };
};

/** The duty, the partner and the moment, with what counting came to. */
type Scene = {
  duty: Duty;
  facts: PartnerFacts;
  /** Whether telling at that time keeps the minimum, or without one comes before the release. */
  keeps: (at: string) => boolean;
  /** Whether that time comes before the release. */
  inTime: (at: string) => boolean;
  now: string;
  joinedLate: boolean;
};

type Row = { when: (scene: Scene) => boolean; obligation: "pending" | "met" | "breached"; reason: Reason };
type Reason = (scene: Scene) => string | null;

const words =
  (text: string): Reason =>
  () =>
    text;
/** The words of a partner who is told in time. */
const joined: Reason = ({ joinedLate }) => (joinedLate ? "joined late" : null);
/** The most telling of why a partner was not told. */
const untold: Reason = ({ facts, joinedLate }) => {
  if (facts.unreachable)
    return facts.unreachable.length === 0 ? "unreachable" : `unreachable: ${facts.unreachable.join(", ")}`;
  return facts.missed ?? (joinedLate ? "joined late" : "not told yet");
};

const told = ({ facts }: Scene): string => facts.toldAt ?? "";
const isTold = ({ facts }: Scene): boolean => facts.toldAt !== null;
const isGone = ({ facts }: Scene): boolean => facts.leftAt !== null || !facts.subscribed;
/** Nobody could have kept the minimum for a partner who came this late: being told before the release is all that is owed. */
const isExcused = ({ facts, joinedLate, keeps }: Scene): boolean => joinedLate && !keeps(facts.joinedAt);

/** In order: the first that fits decides. */
const ROWS: readonly Row[] = [
  { when: ({ duty }) => duty.status === "cancelled", obligation: "met", reason: words("cancelled") },
  { when: ({ duty }) => !duty.speaks, obligation: "met", reason: words("no notice demanded") },
  { when: (scene) => isTold(scene) && scene.keeps(told(scene)), obligation: "met", reason: joined },
  {
    when: (scene) => isTold(scene) && isExcused(scene) && scene.inTime(told(scene)),
    obligation: "met",
    reason: joined,
  },
  { when: isTold, obligation: "breached", reason: words("told too late") },
  // Untold from here on. Whoever left while the minimum could still be kept is owed nothing more.
  {
    when: (scene) => isGone(scene) && scene.keeps(scene.facts.leftAt ?? scene.now),
    obligation: "met",
    reason: ({ facts }) => (facts.leftAt === null ? "no longer subscribed" : "left"),
  },
  { when: ({ keeps, now }) => keeps(now), obligation: "pending", reason: untold },
  { when: (scene) => isExcused(scene) && scene.inTime(scene.now), obligation: "pending", reason: untold },
  {
    when: isGone,
    obligation: "breached",
    reason: ({ facts }) => (facts.leftAt === null ? "no longer subscribed" : "left"),
  },
  {
    when: () => true,
    obligation: "breached",
    reason: (scene) => untold(scene)?.replace("not told yet", "not told") ?? null,
  },
];

/**
 * What one partner is owed of a change at `now`, by the table above (DESIGN §2 and §8). Told means the earliest `sent`
 * that bore the present date, so a date that was brought forward or put back counts from the news of it, and a change that
 * was reclassified from the first.
 *
 * - `pending`: not told yet, and the minimum would be kept if it were told now.
 * - `met`: told in time. Without a minimum, told before the release. Nothing is owed of a cancelled change or of a category
 *   without notices, nor to a partner who left before it was too late. One who joined after the date was announced, and too
 *   late for the minimum, is owed news before the release.
 * - `breached`: told too late, or not told while it can no longer be kept.
 * - `waived`: breached, and a named person let it pass. The figures stay.
 *
 * @example
 * // Told on 28 October of a release on 27 January, three months less a day: "breached", 91 days, 2 months.
 */
export const obligationOf = (duty: Duty, facts: PartnerFacts, now: string): Finding =>
  makeObligations(duty)(facts, now);

/** Every zone's midnight falls on a quarter of an hour, so what is counted in days is the same all through it. */
const QUARTER_MS = 15 * 60_000;
const REMEMBERED = 10_000;

/** The verdict of being told at a time, which many partners share: counting days in a zone costs more than all else. */
const makeCount = ({ releaseAt, demand, zone }: Duty): ((toldAt: string) => Verdict) => {
  const exact = demand !== undefined && hasTime(spanOf(demand));
  const known = new Map<string | number, Verdict>();
  return (toldAt) => {
    const key = exact ? toldAt : Math.floor(Date.parse(toldAt) / QUARTER_MS);
    const before = known.get(key);
    if (before) return before;
    if (known.size >= REMEMBERED) known.clear();
    const verdict = judge({ toldAt, releaseAt, demand, zone, waived: false });
    known.set(key, verdict);
    return verdict;
  };
};

/** `obligationOf` for the partners of one change, one after the other. */
export const makeObligations = (duty: Duty): ((facts: PartnerFacts, now: string) => Finding) => {
  const { releaseAt, demand, dateSince } = duty;
  const count = makeCount(duty);
  const release = releaseAt === undefined ? null : releaseInstant(releaseAt, duty.zone).getTime();
  const inTime = (at: string): boolean => release === null || Date.parse(at) < release;
  const keeps = (at: string): boolean => (demand === undefined ? inTime(at) : count(at).status !== "short");
  return (facts, now) => {
    const joinedLate = Date.parse(facts.joinedAt) > Date.parse(dateSince);
    const scene: Scene = { duty, facts, inTime, keeps, now, joinedLate };
    const row = ROWS.find(({ when }) => when(scene));
    if (row === undefined) throw new Error("the last row fits every partner");
    const { noticeDays, noticeMonths } =
      facts.toldAt === null ? { noticeDays: null, noticeMonths: null } : count(facts.toldAt);
    const waived = row.obligation === "breached" && facts.waived;
    return { obligation: waived ? "waived" : row.obligation, noticeDays, noticeMonths, reason: row.reason(scene) };
  };
};
