import type { Sql } from "./connection.ts";

/** `seen`: read it; `ready`: prepared, and spared further reminders but the last; `needs-help`: asks the provider for help. */
export const ACKNOWLEDGEMENT_STATUSES = ["seen", "ready", "needs-help"] as const;
export type AcknowledgementStatus = (typeof ACKNOWLEDGEMENT_STATUSES)[number];

export type NewAcknowledgement = {
  change: string;
  partner: string;
  revision: number;
  status: AcknowledgementStatus;
  /** Who says so, in their own words. */
  by: string;
  note: string | null;
};

export type Acknowledgement = NewAcknowledgement & { no: number; at: Date };

const COLUMNS = 'no, change, partner, revision, status, "by", note, at';

export const insertAcknowledgement = async (sql: Sql, row: NewAcknowledgement): Promise<Acknowledgement> => {
  const { rows } = await sql.query<Acknowledgement>(
    `INSERT INTO acknowledgements (change, partner, revision, status, "by", note) VALUES ($1, $2, $3, $4, $5, $6)
     RETURNING ${COLUMNS}`,
    [row.change, row.partner, row.revision, row.status, row.by, row.note],
  );
  const [stored] = rows;
  if (!stored) throw new Error("an INSERT returned nothing");
  return stored;
};

/** What a partner said last of a change; null when it said nothing. */
export const latestAcknowledgement = async (
  sql: Sql,
  change: string,
  partner: string,
): Promise<Acknowledgement | null> => {
  const { rows } = await sql.query<Acknowledgement>(
    `SELECT ${COLUMNS} FROM acknowledgements WHERE change = $1 AND partner = $2 ORDER BY no DESC LIMIT 1`,
    [change, partner],
  );
  return rows[0] ?? null;
};

/** What partners said of a change, in the order in which they said it, after number `after`. */
export const listAcknowledgements = async (
  sql: Sql,
  change: string,
  filter: { partner?: string | undefined },
  page: { after: number; limit: number },
): Promise<Acknowledgement[]> => {
  const { rows } = await sql.query<Acknowledgement>(
    `SELECT ${COLUMNS} FROM acknowledgements
     WHERE change = $1 AND no > $2 AND ($3::text IS NULL OR partner = $3) ORDER BY no LIMIT $4`,
    [change, page.after, filter.partner, page.limit],
  );
  return rows;
};
