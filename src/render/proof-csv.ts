import type { PartnerProof } from "../flow/prove.ts";

type Cell = string | number | null | undefined;

/** A column a field of the proof, by the same names. */
const COLUMNS: Readonly<Record<string, (proof: PartnerProof) => Cell>> = {
  partner: ({ partner }) => partner,
  obligation: ({ obligation }) => obligation,
  toldAt: ({ toldAt }) => toldAt,
  channel: ({ channel }) => channel,
  rung: ({ rung }) => rung,
  noticeDays: ({ noticeDays }) => noticeDays,
  noticeMonths: ({ noticeMonths }) => noticeMonths,
  acknowledgement: ({ acknowledgement: it }) =>
    it &&
    `${it.status} (revision ${it.revision}) by ${it.by} at ${it.at}${it.note === undefined ? "" : `: ${it.note}`}`,
  waiver: ({ waiver }) => waiver && `${waiver.by} at ${waiver.at}: ${waiver.reason}`,
  reason: ({ reason }) => reason,
  unreachable: ({ unreachable }) => (unreachable ? "yes" : ""),
  acceptedAt: ({ evidence }) => evidence.accepted,
  deliveredAt: ({ evidence }) => evidence.delivered,
  acknowledgedAt: ({ evidence }) => evidence.acknowledged,
  closed: ({ closed }) => closed?.map(({ endpoint, channel, status }) => `${endpoint} ${channel} ${status}`).join("; "),
};

/** What a spreadsheet would take for a formula, also behind blanks that it skips. */
const FORMULA = /^\s*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;

/**
 * One cell (RFC 4180). A text that begins as a formula is led by an apostrophe, so that no spreadsheet runs what a partner
 * wrote; numbers of ours stay numbers.
 *
 * @example csvCell("=HYPERLINK(1)") // "'=HYPERLINK(1)"
 */
export const csvCell = (value: Cell): string => {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const rowOf = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(",")}\r\n`;

/** A row a partner under a row of names, in UTF-8, as they come. */
export async function* proofCsv(partners: AsyncIterable<PartnerProof>): AsyncGenerator<string, void, undefined> {
  yield rowOf(Object.keys(COLUMNS));
  const columns = Object.values(COLUMNS);
  for await (const proof of partners) yield rowOf(columns.map((column) => column(proof)));
}
