import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { digestsOf, sealOf } from "../domain/seal.ts";
import { inTransaction, type Ledger, type Sql } from "../ledger/connection.ts";
import {
  insertSeal,
  lockSeals,
  newestSeal,
  sealedRows,
  sealHorizon,
  spanEnds,
  type Span,
  summarizeSent,
} from "../ledger/seals.ts";
import type { Log } from "../log.ts";

const deflate = promisify(deflateRaw);

/** What is younger waits for the next minute: the database's clock may be set back a little. */
const MARGIN_MS = 10_000;
/**
 * Rows of a seal, about: what a process holds in memory at once, and reads and hashes in some 60 ms. Of 500 a delivery took 40 µs of
 * PostgreSQL and the scheduler together where it takes 26, for each seal reads all that lies between two summaries.
 */
const ROWS = 2_000;
/** Seals of one tick; a large fan-out is caught up with by and by. */
const SEALS = 500;
/** Between two seals, so that whoever is waited for comes in between: together they take a third of a core. */
const BREATH_MS = 150;

/** Seals what was recorded since the last seal; answers how many rows that was. */
export type SealNew = () => Promise<number>;

/**
 * One SHA-256 over what is new and the previous seal, several when there is much. Processes take turns, and a span is only
 * closed when no transaction can still write into it. Nothing new: no seal.
 */
export const makeSealNew = ({
  ledger,
  log,
  marginMs = MARGIN_MS,
  limit = ROWS,
}: {
  ledger: Ledger;
  log: Log;
  marginMs?: number;
  limit?: number;
}): SealNew => {
  const sealSpan = async (sql: Sql, previous: Buffer | null, span: Span): Promise<number> => {
    const rows = await sealedRows(sql, span);
    if (rows.length === 0) return 0;
    const begunAt = performance.now();
    const no = await insertSeal(sql, {
      through: span.through,
      rows: rows.length,
      previous,
      seal: sealOf(previous, span.through.toISOString(), rows),
      digests: digestsOf(rows),
      names: await deflate(rows.map(({ name }) => name).join("\n")),
    });
    log.info(
      { seal: no, rows: rows.length, through: span.through, ms: Math.round(performance.now() - begunAt) },
      "sealed",
    );
    return rows.length;
  };

  const pool = ledger.pools.routine;

  const ends = (): Promise<Date[]> =>
    inTransaction(pool, async (sql) => {
      const last = await newestSeal(sql);
      const open: Span = { from: last?.through ?? null, through: await sealHorizon(sql, marginMs) };
      return open.from && open.through <= open.from ? [] : spanEnds(sql, open, { limit, most: SEALS });
    });

  /** Null: another process is sealing. */
  const sealUpTo = (through: Date): Promise<number | null> =>
    inTransaction(pool, async (sql) => {
      if (!(await lockSeals(sql))) return null;
      const last = await newestSeal(sql);
      if (last && through <= last.through) return 0;
      return sealSpan(sql, last?.seal ?? null, { from: last?.through ?? null, through });
    });

  return async () => {
    await summarizeSent(pool);
    let sealed = 0;
    for (const through of await ends()) {
      const rows = await sealUpTo(through);
      if (rows === null) break;
      sealed += rows;
      if (rows > 0) await wait(BREATH_MS);
    }
    return sealed;
  };
};
