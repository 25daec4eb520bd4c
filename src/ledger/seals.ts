import type pg from "pg";
import type { SealedRow } from "../domain/seal.ts";
import { inTransaction, isLockTimeout, type Sql } from "./connection.ts";

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

/** A row with its time of recording, in ms since 1970. */
export type RecordedRow = SealedRow & { at: number };

/** Rows recorded after `from` (null: since ever) and up to `through`. */
export type Span = { from: Date | null; through: Date };

/** Any constant: one process seals at a time. */
const SEAL_LOCK = 7_305_112_045;

/** Exact, for instants are whole milliseconds; `extract` would reckon in decimals, 2 µs more a row. */
const MS = (column: string): string => `(date_part('epoch', ${column}) * 1000)::int8`;

/** What was sent after $1 and up to $2: by `deliveries_sent`, which knows the first and the last time of each 128 pages. */
const SENT = (columns: string): string =>
  `SELECT ${columns} FROM deliveries WHERE status = 'sent' AND sent_at > $1 AND sent_at <= $2`;

/**
 * What is sealed: facts that nothing moves on. A delivery is sealed once it is `sent`, the one state that is final; further
 * attempts, bounces, acknowledgements, waivers and revisions are insert-only. $1 and $2 bound the time of recording.
 */
const SOURCES: readonly { kind: string; text: string }[] = [
  {
    kind: "revision",
    text: `SELECT ${MS("accepted_at")} AS at, 'revision ' || change || '.r' || revision AS name,
                  json_build_array('revision', change, revision, ${MS("accepted_at")}, policy, lane, state::text, differs::text,
                    reason, minor, verdict::text)::text AS line
           FROM revisions WHERE accepted_at > $1 AND accepted_at <= $2 ORDER BY accepted_at, change, revision`,
  },
  {
    kind: "delivery",
    text: `WITH d AS MATERIALIZED (${SENT("notice, endpoint, channel, sent_at, first_at, first_code, first_error, first_answer")})
           SELECT ${MS("d.sent_at")} AS at, 'delivery ' || n.id || '.ep_' || d.endpoint AS name,
                  json_build_array('delivery', n.id, n.change, n.revision, n.kind, ${MS("n.release_at")}, d.endpoint, e.partner,
                    d.channel, ${MS("d.sent_at")}, ${MS("d.first_at")}, d.first_code, d.first_error, d.first_answer)::text AS line
           FROM d JOIN notices n ON n.no = d.notice JOIN endpoints e ON e.no = d.endpoint ORDER BY d.notice, d.endpoint`,
  },
  {
    kind: "attempt",
    text: `SELECT ${MS("a.recorded_at")} AS at, 'attempt ' || a.attempt || ' of ' || n.id || '.ep_' || a.endpoint AS name,
                  json_build_array('attempt', n.id, a.endpoint, a.attempt, ${MS("a.at")}, a.ms, a.code, a.error, a.answer,
                    ${MS("a.recorded_at")})::text AS line
           FROM attempts a JOIN notices n ON n.no = a.notice
           WHERE a.recorded_at > $1 AND a.recorded_at <= $2 ORDER BY a.notice, a.endpoint, a.attempt`,
  },
  {
    kind: "bounce",
    text: `SELECT ${MS("b.at")} AS at, 'bounce ' || b.no AS name,
                  json_build_array('bounce', b.no, n.id, b.endpoint, b.kind, b.code, b.diagnostic, ${MS("b.at")})::text AS line
           FROM bounces b JOIN notices n ON n.no = b.notice WHERE b.at > $1 AND b.at <= $2 ORDER BY b.no`,
  },
  {
    kind: "acknowledgement",
    text: `SELECT ${MS("at")} AS at, 'acknowledgement ' || no AS name,
                  json_build_array('acknowledgement', no, change, partner, revision, status, "by", note, ${MS("at")})::text AS line
           FROM acknowledgements WHERE at > $1 AND at <= $2 ORDER BY no`,
  },
  {
    kind: "waiver",
    text: `SELECT ${MS("at")} AS at, 'waiver ' || no AS name,
                  json_build_array('waiver', no, change, partner, "by", reason, ${MS("at")})::text AS line
           FROM waivers WHERE at > $1 AND at <= $2 ORDER BY no`,
  },
];

/** Summarizes the pages that are new. A VACUUM under way does it too, so it is not waited for, which would end it. */
export const summarizeSent = async (pool: pg.Pool): Promise<void> => {
  await inTransaction(pool, async (sql) => {
    await sql.query("SET LOCAL lock_timeout = '100ms'");
    await sql.query("SELECT brin_summarize_new_values('deliveries_sent')");
  }).catch((error: unknown) => {
    if (!isLockTimeout(error)) throw error;
  });
};

/** The rows of a span in the order in which they are sealed: by kind, then by key. */
export const sealedRows = async (sql: Sql, { from, through }: Span): Promise<RecordedRow[]> => {
  const all: RecordedRow[] = [];
  for (const { kind, text } of SOURCES) {
    const { rows } = await sql.query<RecordedRow>({
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

/** A revision is sealed with its whole state, so it takes as long as several deliveries. */
const WEIGHT_OF_REVISION = 4;

/**
 * Where spans of about `limit` rows end, fewer where there are revisions, oldest first: of `limit * most` rows, and the last at
 * `through` when that is all. Asked once for all of them, for no index has the order.
 */
export const spanEnds = async (
  sql: Sql,
  { from, through }: Span,
  { limit, most }: { limit: number; most: number },
): Promise<Date[]> => {
  const { rows } = await sql.query<{ end: Date; found: number }>({
    name: "span-ends",
    text: `WITH oldest AS MATERIALIZED (
             ${SENT("sent_at AS at, 1 AS weight")}
             UNION ALL
             SELECT accepted_at, ${WEIGHT_OF_REVISION} FROM revisions WHERE accepted_at > $1 AND accepted_at <= $2
             UNION ALL
             SELECT recorded_at, 1 FROM attempts WHERE recorded_at > $1 AND recorded_at <= $2
             ORDER BY at LIMIT $3::int * $4::int
           ),
           placed AS (SELECT at, weight, sum(weight) OVER (ORDER BY at ROWS UNBOUNDED PRECEDING) AS place FROM oldest)
           SELECT at AS end, (SELECT count(*) FROM oldest) AS found
           FROM placed WHERE place / $3 > (place - weight) / $3 GROUP BY at ORDER BY at`,
    values: [from ?? "-infinity", through, limit, most],
  });
  const ends = rows.map(({ end }) => end);
  return (rows[0]?.found ?? 0) < limit * most ? [...ends, through] : ends;
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
