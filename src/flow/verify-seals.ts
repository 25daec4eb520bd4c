import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { type SealedRow, sealOf, type Tampering, tamperedRows } from "../domain/seal.ts";
import type { Ledger, Sql } from "../ledger/connection.ts";
import { listSeals, sealedRows, type SealRow, sealUpTo } from "../ledger/seals.ts";

const inflate = promisify(inflateRaw);

/** Rows that one call reads, about. */
const ROWS = 200_000;
/** Seals whose rows are read at once: to find those of a time, the pages around them are read whatever else is in them. */
const TOGETHER = 15;
const NEVER = new Date(-8.64e15);
/** Of one seal; a seal that was taken out of the chain would name every row that it held. */
const FAULTS = 100;

export type Verified = {
  /** Seals and rows that were looked at. */
  seals: number;
  rows: number;
  /** Up to when the ledger was checked; null when there is no seal. */
  through: string | null;
  faults: (Tampering & { seal: number })[];
  /** The number of the last seal that was looked at, when there are more; null at the end of the chain. */
  next: number | null;
};

/** Recomputes the chain from the seal after number `after` on, so far as one call goes. */
export type VerifySeals = (after: number) => Promise<Verified>;

const namesOf = async (row: SealRow): Promise<string[] | null> => {
  try {
    return (await inflate(row.names)).toString("utf8").split("\n");
  } catch {
    return null;
  }
};

/** What is wrong with one seal, given the rows of its time and the value of the seal before it. */
const faultsOf = async (row: SealRow, rows: readonly SealedRow[], previous: Buffer | null) => {
  const chained = previous === null ? row.previous === null : row.previous?.equals(previous) === true;
  const whole = sealOf(previous, row.through.toISOString(), rows).equals(row.seal);
  if (chained && whole) return { rows: rows.length, faults: [] };
  const names = await namesOf(row);
  const tampered = names ? tamperedRows({ names, digests: row.digests }, rows).slice(0, FAULTS) : [];
  // The rows are as remembered, so it is the seal, or the chain, that somebody touched.
  const faults: Tampering[] = tampered.length > 0 ? tampered : [{ what: "seal", row: null }];
  return { rows: rows.length, faults };
};

/** The first of these seals, as far as each ends later than the one before; one by itself where somebody moved an end. */
const rising = (from: Date | null, seals: readonly SealRow[]): readonly SealRow[] => {
  const fall = seals.findIndex(({ through }, at) => through <= (seals[at - 1]?.through ?? from ?? NEVER));
  return fall === -1 ? seals : seals.slice(0, Math.max(1, fall));
};

/** The rows of the times between `from` and each seal's end, seal by seal. */
const rowsOfSeals = async (sql: Sql, from: Date | null, seals: readonly SealRow[]): Promise<SealedRow[][]> => {
  const ends = seals.map(({ through }) => through.getTime());
  const through = seals.at(-1)?.through;
  if (!through) return [];
  const all = await sealedRows(sql, { from, through });
  const bySeal = Map.groupBy(all, ({ at }) => ends.findIndex((end) => at <= end));
  return seals.map((_, index) => bySeal.get(index) ?? []);
};

export const makeVerifySeals = ({ ledger }: { ledger: Ledger }): VerifySeals => {
  const sql = ledger.pools.routine;
  return async (after) => {
    let before = await sealUpTo(sql, after);
    const answer: Verified = {
      seals: 0,
      rows: 0,
      through: before?.through.toISOString() ?? null,
      faults: [],
      next: null,
    };
    for (let no = after; ; ) {
      const seals = rising(before?.through ?? null, await listSeals(sql, no, TOGETHER));
      if (seals.length === 0) return { ...answer, next: null };
      if (answer.rows >= ROWS) return { ...answer, next: no };
      const rowsOf = await rowsOfSeals(sql, before?.through ?? null, seals);
      for (const [index, row] of seals.entries()) {
        const { rows, faults } = await faultsOf(row, rowsOf[index] ?? [], before?.seal ?? null);
        answer.seals += 1;
        answer.rows += rows;
        answer.through = row.through.toISOString();
        answer.faults.push(...faults.map((fault) => ({ ...fault, seal: row.no })));
        before = row;
        no = row.no;
      }
    }
  };
};
