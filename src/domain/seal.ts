import { createHash, hash } from "node:crypto";

/** One fact of the ledger in its canonical form: `name` says which row it is, `line` is all of it that may never change. */
export type SealedRow = { name: string; line: string };

/** Bytes of SHA-256 kept of each row, to find which one was altered; the seal itself covers all of every line. */
const DIGEST_BYTES = 8;

const NONE = Buffer.alloc(0);

/**
 * SHA-256 over the previous seal, the time up to which it covers the ledger (UTC) and every line in order. Whoever keeps
 * one seal elsewhere can tell whether anything before it was altered since.
 */
export const sealOf = (previous: Buffer | null, through: string, rows: readonly SealedRow[]): Buffer => {
  // In one piece: a call for each line takes as long as the hashing.
  const text = [through, ...rows.map(({ line }) => line), ""].join("\n");
  return createHash("sha256")
    .update(previous ?? NONE)
    .update(text)
    .digest();
};

/** The rows' digests, one after the other. */
export const digestsOf = (rows: readonly SealedRow[]): Buffer =>
  Buffer.concat(rows.map(({ line }) => hash("sha256", line, "buffer").subarray(0, DIGEST_BYTES)));

/** What was done to a row since it was sealed, or to a seal itself (`row` is null). */
export type Tampering = { what: "altered" | "added" | "removed" | "seal"; row: string | null };

/** The rows as a seal remembers them: names, and digests in the same order. */
export type Remembered = { names: readonly string[]; digests: Buffer };

/** Which rows differ from what a seal remembers of them; empty when all are as they were. */
export const tamperedRows = ({ names, digests }: Remembered, present: readonly SealedRow[]): Tampering[] => {
  const now = digestsOf(present);
  const at = (all: Buffer, no: number): string =>
    all.subarray(no * DIGEST_BYTES, (no + 1) * DIGEST_BYTES).toString("hex");
  const then = new Map(names.map((name, no) => [name, at(digests, no)]));
  const found: Tampering[] = [];
  for (const [no, { name }] of present.entries()) {
    const known = then.get(name);
    if (known === undefined) found.push({ what: "added", row: name });
    else if (known !== at(now, no)) found.push({ what: "altered", row: name });
    then.delete(name);
  }
  return [...found, ...[...then.keys()].map((row): Tampering => ({ what: "removed", row }))];
};
