import type { SealedRow } from "../domain/seal.ts";
import type { Sql } from "./connection.ts";

/** A seal as answers show it. */
export type SealFact = { no: number; at: string; through: string; seal: string };

export type SealRow = {
  no: number;
  at: Date;
  through: Date;
  rows: number;
  previous: Buffer | null;
  seal: Buffer;
  digests: Buffer;
  names: Buffer;
};

/** Rows recorded after `from` (null: since ever) and up to `through`. */
export type Span = { from: Date | null; through: Date };

/** Any constant: one process seals at a time. */
const SEAL_LOCK = 7_305_112_045;

const MS = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::int8`;

/**
 * What is sealed: facts that nothing moves on. A delivery is sealed once it is `sent`, the one state that is final; further
 * attempts, bounces, acknowledgements, waivers and revisions are insert-only. $1 and $2 bound the time of recording.
 */
const SOURCES: readonly { kind: string; text: string }[] = [
  {
    kind: "revision",
    text: `SELECT 'revision ' || change || '.r' || revision AS name,
                  json_build_array('revision', change, revision, ${MS("accepted_at")}, policy, lane, state::text, differs::text,
                    reason, minor, verdict::text)::text AS line
           FROM revisions WHERE accepted_at > $1 AND accepted_at <= $2 ORDER BY accepted_at, change, revision`,
  },
  {
    kind: "delivery",
    text: `SELECT 'delivery ' || n.id || '.ep_' || d.endpoint AS name,
                  json_build_array('delivery', n.id, n.change, n.revision, n.kind, ${MS("n.release_at")}, d.endpoint, e.partner,
                    d.channel, ${MS("d.sent_at")}, ${MS("d.first_at")}, d.first_code, d.first_error, d.first_answer)::text AS line
           FROM deliveries d JOIN notices n ON n.no = d.notice JOIN endpoints e ON e.no = d.endpoint
           WHERE d.status = 'sent' AND d.sent_at > $1 AND d.sent_at <= $2 ORDER BY d.notice, d.endpoint`,
  },
  {
    kind: "attempt",
    text: `SELECT 'attempt ' || a.attempt || ' of ' || n.id || '.ep_' || a.endpoint AS name,
                  json_build_array('attempt', n.id, a.endpoint, a.attempt, ${MS("a.at")}, a.ms, a.code, a.error, a.answer,
                    ${MS("a.recorded_at")})::text AS line
           FROM attempts a JOIN notices n ON n.no = a.notice
           WHERE a.recorded_at > $1 AND a.recorded_at <= $2 ORDER BY a.notice, a.endpoint, a.attempt`,
  },
  {
    kind: "bounce",
    text: `SELECT 'bounce ' || b.no AS name,
                  json_build_array('bounce', b.no, n.id, b.endpoint, b.kind, b.code, b.diagnostic, ${MS("b.at")})::text AS line
           FROM bounces b JOIN notices n ON n.no = b.notice WHERE b.at > $1 AND b.at <= $2 ORDER BY b.no`,
  },
  {
    kind: "acknowledgement",
    text: `SELECT 'acknowledgement ' || no AS name,
                  json_build_array('acknowledgement', no, change, partner, revision, status, "by", note, ${MS("at")})::text AS line
           FROM acknowledgements WHERE at > $1 AND at <= $2 ORDER BY no`,
  },
  {
    kind: "waiver",
    text: `SELECT 'waiver ' || no AS name,
                  json_build_array('waiver', no, change, partner, "by", reason, ${MS("at")})::text AS line
           FROM waivers WHERE at > $1 AND at <= $2 ORDER BY no`,
  },
];

/** The rows of a span in the order in which they are sealed: by kind, then by key. */
export const sealedRows = async (sql: Sql, { from, through }: Span): Promise<SealedRow[]> => {
  const all: SealedRow[] = [];
  for (const { kind, text } of SOURCES) {
    const { rows } = await sql.query<SealedRow>({
      name: `sealed-${kind}`,
      text,
      values: [from ?? "-infinity", through],
    });
    all.push(...rows);
  }
  return all;
};

/** Takes the lock on sealing until the transaction ends; false: another process has it. */
export const lockSeals = async (sql: Sql): Promise<boolean> => {
  const { rows } = await sql.query<{ locked: boolean }>("SELECT pg_try_advisory_xact_lock($1) AS locked", [SEAL_LOCK]);
  return rows[0]?.locked ?? false;
};

/**
 * Up to when everything that will ever be recorded is committed: `marginMs` ago, or before the oldest transaction that is
 * under way, whose rows bear the time of its beginning. It sees the transactions of the same database role.
 */
export const sealHorizon = async (sql: Sql, marginMs: number): Promise<Date> => {
  const { rows } = await sql.query<{ horizon: Date }>(
    `SELECT least(date_trunc('milliseconds', clock_timestamp()) - $1 * interval '1 millisecond',
                  date_trunc('milliseconds', min(xact_start)) - interval '1 millisecond') AS horizon
     FROM pg_stat_activity
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    [marginMs],
  );
  return rows[0]?.horizon ?? new Date(0);
};

/** The end of a span of not much more than `limit` rows: earlier than `through` when more were recorded. */
export const boundSpan = async (sql: Sql, { from, through }: Span, limit: number): Promise<Date> => {
  const { rows } = await sql.query<{ through: Date }>({
    name: "bound-seal",
    text: `SELECT least($2::timestamptz,
             (SELECT sent_at FROM deliveries WHERE status = 'sent' AND sent_at > $1 AND sent_at <= $2 ORDER BY sent_at OFFSET $3 LIMIT 1),
             (SELECT accepted_at FROM revisions WHERE accepted_at > $1 AND accepted_at <= $2 ORDER BY accepted_at OFFSET $3 LIMIT 1),
             (SELECT recorded_at FROM attempts WHERE recorded_at > $1 AND recorded_at <= $2 ORDER BY recorded_at OFFSET $3 LIMIT 1)
           ) AS through`,
    values: [from ?? "-infinity", through, limit],
  });
  return rows[0]?.through ?? through;
};

const COLUMNS = "no, at, through, rows, previous, seal, digests, names";

export const insertSeal = async (sql: Sql, row: Omit<SealRow, "no" | "at">): Promise<number> => {
  const { rows } = await sql.query<{ no: number }>(
    `INSERT INTO seals (through, rows, previous, seal, digests, names) VALUES ($1, $2, $3, $4, $5, $6) RETURNING no`,
    [row.through, row.rows, row.previous, row.seal, row.digests, row.names],
  );
  return rows[0]?.no ?? 0;
};

/** The newest seal's number, end and value; null before the first. */
export const newestSeal = async (sql: Sql): Promise<Pick<SealRow, "no" | "at" | "through" | "seal"> | null> => {
  const { rows } = await sql.query<SealRow>("SELECT no, at, through, seal FROM seals ORDER BY no DESC LIMIT 1");
  return rows[0] ?? null;
};

export const latestSeal = async (sql: Sql): Promise<SealFact | null> => {
  const newest = await newestSeal(sql);
  return newest && showSeal(newest);
};

const showSeal = ({ no, at, through, seal }: Pick<SealRow, "no" | "at" | "through" | "seal">): SealFact => ({
  no,
  at: at.toISOString(),
  through: through.toISOString(),
  seal: seal.toString("hex"),
});

/** Seals after number `after`, oldest first. */
export const listSeals = async (sql: Sql, after: number, limit: number): Promise<SealRow[]> => {
  const { rows } = await sql.query<SealRow>(`SELECT ${COLUMNS} FROM seals WHERE no > $1 ORDER BY no LIMIT $2`, [
    after,
    limit,
  ]);
  return rows;
};

/** The same without what only verifying needs. */
export const listSealFacts = async (sql: Sql, after: number, limit: number): Promise<SealFact[]> => {
  const { rows } = await sql.query<SealRow>(
    "SELECT no, at, through, seal FROM seals WHERE no > $1 ORDER BY no LIMIT $2",
    [after, limit],
  );
  return rows.map(showSeal);
};

/** The seal before number `after + 1`; null at the beginning of the chain. */
export const sealUpTo = async (sql: Sql, after: number): Promise<Pick<SealRow, "through" | "seal"> | null> => {
  const { rows } = await sql.query<SealRow>("SELECT through, seal FROM seals WHERE no <= $1 ORDER BY no DESC LIMIT 1", [
    after,
  ]);
  return rows[0] ?? null;
};
