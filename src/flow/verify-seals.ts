import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import { sealOf, type Tampering, tamperedRows } from "../domain/seal.ts";
import type { Ledger, Sql } from "../ledger/connection.ts";
import { listSeals, sealedRows, type SealRow, sealUpTo, type Span } from "../ledger/seals.ts";

const inflate = promisify(inflateRaw);

/** Rows that one call reads, about. */
const ROWS = 200_000;
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

/** What is wrong with one seal, given the value of the one before it. */
const faultsOf = async (row: SealRow, span: Span, sql: Sql, previous: Buffer | null) => {
  const rows = await sealedRows(sql, span);
  const chained = previous === null ? row.previous === null : row.previous?.equals(previous) === true;
  const whole = sealOf(previous, row.through.toISOString(), rows).equals(row.seal);
  if (chained && whole) return { rows: rows.length, faults: [] };
  const names = await namesOf(row);
  const tampered = names ? tamperedRows({ names, digests: row.digests }, rows).slice(0, FAULTS) : [];
  // The rows are as remembered, so it is the seal, or the chain, that somebody touched.
  const faults: Tampering[] = tampered.length > 0 ? tampered : [{ what: "seal", row: null }];
  return { rows: rows.length, faults };
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
      const [row] = await listSeals(sql, no, 1);
      if (!row) return { ...answer, next: null };
      if (answer.rows >= ROWS) return { ...answer, next: no };
      const span = { from: before?.through ?? null, through: row.through };
      const { rows, faults } = await faultsOf(row, span, sql, before?.seal ?? null);
      answer.seals += 1;
      answer.rows += rows;
      answer.through = row.through.toISOString();
      answer.faults.push(...faults.map((fault) => ({ ...fault, seal: row.no })));
      before = row;
      no = row.no;
    }
  };
};
