import { acknowledgedSince } from "../domain/acknowledgement.ts";
import { formatInstant } from "../domain/calendar.ts";
import type { Channel } from "../domain/category.ts";
import { endpointId } from "../domain/delivery.ts";
import {
  dutyOf,
  highestRung,
  type Obligation,
  makeObligations,
  type PartnerFacts,
  type Rung,
  RUNG_OF,
  RUNGS,
} from "../domain/obligation.ts";
import { readClock } from "../ledger/changes.ts";
import type { Ledger } from "../ledger/connection.ts";
import {
  type AcknowledgementFact,
  findProofSubject,
  listProofRows,
  type ProofRow,
  type ProofSubject,
  type WaiverFact,
} from "../ledger/proof.ts";
import { latestSeal, type SealFact } from "../ledger/seals.ts";

/** INTERFACE, "Proof": one partner. */
export type PartnerProof = {
  partner: string;
  obligation: Obligation;
  toldAt: string | null;
  channel: Channel | null;
  /** The highest. */
  rung: Rung | null;
  /** When each rung was reached first. */
  evidence: Partial<Record<Rung, string>>;
  noticeDays: number | null;
  noticeMonths: number | null;
  acknowledgement?: Omit<AcknowledgementFact, "note"> & { note?: string };
  waiver?: WaiverFact;
  reason?: string;
  /** Every one of its endpoints is dead. */
  unreachable?: true;
  /** Its endpoints that take nothing any more. */
  closed?: { endpoint: string; channel: Channel; status: string }[];
};

export type ProofTotals = Record<Obligation | "partners" | "unreachable", number>;

/** INTERFACE, "Proof": the change. */
export type ProofHead = {
  change: string;
  revision: number;
  title: string;
  status: string;
  releaseAt: string | null;
  minimum: string | null;
  /** The policy's zone, in which days are counted. */
  zone: string;
  /** When this was found out. */
  at: string;
  /** The newest seal over the ledger; null before the first. */
  seal: SealFact | null;
};

export type Proof = {
  head: ProofHead;
  /** Counts what `partners` has passed: whole once that has ended. */
  totals: ProofTotals;
  /** Every partner whom the change concerns, by id, read in pages. */
  partners: AsyncGenerator<PartnerProof, void, undefined>;
};

/** Who was told what, when, and how we know; null when there is no such change. */
export type Prove = (change: string) => Promise<Proof | null>;

const PAGE = 1_000;

const factsOf = (row: ProofRow, waiver: WaiverFact | null): PartnerFacts => ({
  toldAt: row.toldAt?.toISOString() ?? null,
  joinedAt: row.joinedAt.toISOString(),
  leftAt: row.leftAt?.toISOString() ?? null,
  subscribed: row.subscribed,
  unreachable: row.alive === 0 ? [...new Set(row.closed.map(({ status }) => status))].toSorted() : null,
  missed: row.missed,
  waived: waiver !== null,
});

/** What was said since the date last came closer; the words of an earlier time are no proof of this one. */
const heard = (row: ProofRow, since: number): AcknowledgementFact | null =>
  row.acknowledgement && row.acknowledgement.revision >= since ? row.acknowledgement : null;

const evidenceOf = (
  { accepted, delivered }: ProofRow,
  said: AcknowledgementFact | null,
  subject: ProofSubject,
): PartnerProof["evidence"] => ({
  ...(accepted ? { [RUNG_OF.email]: accepted.toISOString() } : {}),
  ...(delivered ? { [RUNG_OF.webhook]: delivered.toISOString() } : {}),
  ...(said && said.revision >= subject.since ? { acknowledged: said.at } : {}),
});

type Context = { subject: ProofSubject; obligationOf: ReturnType<typeof makeObligations>; since: number; now: string };

const prove = (row: ProofRow, { subject, obligationOf, since, now }: Context): PartnerProof => {
  const waiver = row.waiver ?? subject.waiver;
  const facts = factsOf(row, waiver);
  const { obligation, noticeDays, noticeMonths, reason } = obligationOf(facts, now);
  const said = heard(row, since);
  const evidence = evidenceOf(row, said, subject);
  const { note, ...word } = said ?? { note: null };
  return {
    partner: row.partner,
    obligation,
    toldAt: facts.toldAt,
    channel: row.channel,
    rung: highestRung(RUNGS.filter((rung) => evidence[rung] !== undefined)),
    evidence,
    noticeDays,
    noticeMonths,
    ...(said
      ? { acknowledgement: { ...(word as Omit<AcknowledgementFact, "note">), ...(note === null ? {} : { note }) } }
      : {}),
    ...(waiver && obligation === "waived" ? { waiver } : {}),
    ...(reason === null ? {} : { reason }),
    ...(facts.unreachable && facts.leftAt === null ? { unreachable: true } : {}),
    ...(row.closed.length > 0
      ? { closed: row.closed.map(({ endpoint, ...rest }) => ({ endpoint: endpointId(endpoint), ...rest })) }
      : {}),
  };
};

const NONE: ProofTotals = { partners: 0, met: 0, breached: 0, waived: 0, pending: 0, unreachable: 0 };

/** Proofs are read from the ledger as it is, in pages: 100,000 partners take flat memory. */
export const makeProve = ({ ledger }: { ledger: Ledger }): Prove => {
  const sql = ledger.pools.routine;

  async function* partnersOf(context: Context, totals: ProofTotals): AsyncGenerator<PartnerProof, void, undefined> {
    for (let after = ""; ; ) {
      const rows = await listProofRows(sql, context.subject, { after, limit: PAGE });
      for (const row of rows) {
        const proof = prove(row, context);
        totals.partners += 1;
        totals[proof.obligation] += 1;
        if (proof.unreachable) totals.unreachable += 1;
        yield proof;
      }
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = last.partner;
    }
  }

  return async (change) => {
    const subject = await findProofSubject(sql, change);
    if (!subject) return null;
    const { state, policy, status, releasedAt } = subject;
    const duty = dutyOf(state, policy, { status, releasedAt: releasedAt ? formatInstant(releasedAt) : null });
    const now = await readClock(sql);
    const totals = { ...NONE };
    const since = acknowledgedSince(subject.moves, policy.timeZone);
    return {
      head: {
        change,
        revision: subject.revision,
        title: state.fields.title,
        status,
        releaseAt: state.fields.releaseAt ?? null,
        minimum: status === "cancelled" ? null : (duty.demand ?? null),
        zone: policy.timeZone,
        at: now,
        seal: await latestSeal(sql),
      },
      totals,
      partners: partnersOf({ subject, obligationOf: makeObligations(duty), since, now }, totals),
    };
  };
};
