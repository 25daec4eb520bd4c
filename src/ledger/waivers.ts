import type { Sql } from "./connection.ts";

export type NewWaiver = {
  change: string;
  /** Null: for every partner. */
  partner: string | null;
  by: string;
  reason: string;
};

export type Waiver = NewWaiver & { no: number; at: Date };

const COLUMNS = 'no, change, partner, "by", reason, at';

export const insertWaiver = async (sql: Sql, row: NewWaiver): Promise<Waiver> => {
  const { rows } = await sql.query<Waiver>(
    `INSERT INTO waivers (change, partner, "by", reason) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
    [row.change, row.partner, row.by, row.reason],
  );
  const [stored] = rows;
  if (!stored) throw new Error("an INSERT returned nothing");
  return stored;
};

/** The waivers of a change in the order of their giving, after number `after`. */
export const listWaivers = async (
  sql: Sql,
  change: string,
  page: { after: number; limit: number },
): Promise<Waiver[]> => {
  const { rows } = await sql.query<Waiver>(
    `SELECT ${COLUMNS} FROM waivers WHERE change = $1 AND no > $2 ORDER BY no LIMIT $3`,
    [change, page.after, page.limit],
  );
  return rows;
};
