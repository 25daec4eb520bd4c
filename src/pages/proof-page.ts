import type { PartnerProof, Proof } from "../flow/prove.ts";
import { type Obligation, RUNGS } from "../domain/obligation.ts";
import { explainedDuration } from "../render/release-words.ts";
import { wordsFor } from "../render/words.ts";

/** Rows on paper; the table as CSV has them all. */
const SHOWN = 5_000;

/** What wants attention comes first. */
const ORDER: readonly Obligation[] = ["breached", "pending", "waived", "met"];

const RUNG_WORDS = {
  accepted: "accepted by the mail relay",
  delivered: "delivered to the partner's server",
  acknowledged: "acknowledged by a person",
} as const;

const moment = (at: string): string => `${at.slice(0, 16).replace("T", " ")} UTC`;

const counted = (count: number, unit: string): string =>
  `${count.toLocaleString("en").replace("-", "−")} ${unit}${Math.abs(count) === 1 ? "" : "s"}`;

const ahead = ({ noticeDays, noticeMonths }: PartnerProof): string =>
  noticeDays === null || noticeMonths === null
    ? ""
    : `${counted(noticeDays, "day")}${noticeMonths === 0 ? "" : ` (${counted(noticeMonths, "month")})`}`;

const rowOf = (proof: PartnerProof) => ({
  partner: proof.partner,
  obligation: proof.obligation,
  told: proof.toldAt === null ? "" : `${moment(proof.toldAt)}, by ${proof.channel}`,
  rungs: RUNGS.flatMap((rung) => {
    const at = proof.evidence[rung];
    return at === undefined ? [] : [{ what: RUNG_WORDS[rung], at: moment(at) }];
  }),
  ahead: ahead(proof),
  notes: [
    proof.reason,
    proof.acknowledgement &&
      `${proof.acknowledgement.status}, said ${proof.acknowledgement.by} of revision ${proof.acknowledgement.revision}, ${moment(proof.acknowledgement.at)}`,
    proof.waiver && `waived by ${proof.waiver.by}, ${moment(proof.waiver.at)}: ${proof.waiver.reason}`,
    ...(proof.closed ?? []).map(({ endpoint, channel, status }) => `${channel} ${endpoint} ${status}`),
  ].filter((note) => note !== undefined),
});

/** What the printed proof shows: totals, who cannot be reached, then a row a partner, those first who want attention. */
export const proofPage = async ({ head, totals, partners }: Proof): Promise<object> => {
  const kept: Record<Obligation, PartnerProof[]> = { breached: [], pending: [], waived: [], met: [] };
  const unreachable: string[] = [];
  for await (const proof of partners) {
    if (proof.unreachable && unreachable.length < SHOWN) unreachable.push(proof.partner);
    if (kept[proof.obligation].length < SHOWN) kept[proof.obligation].push(proof);
  }
  const rows = ORDER.flatMap((obligation) => kept[obligation]).slice(0, SHOWN);
  return {
    language: "en",
    head: {
      ...head,
      at: moment(head.at),
      minimum: head.minimum === null ? "none" : explainedDuration(head.minimum, wordsFor("en")),
    },
    totals: (["partners", ...ORDER, "unreachable"] as const).map((name) => ({
      name,
      count: totals[name].toLocaleString("en"),
    })),
    unreachable,
    rows: rows.map(rowOf),
    more: (totals.partners - rows.length).toLocaleString("en"),
    cut: totals.partners > rows.length,
    seal: head.seal && { ...head.seal, at: moment(head.seal.at), through: moment(head.seal.through) },
  };
};
