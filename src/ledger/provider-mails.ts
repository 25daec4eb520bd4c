import type { Sql } from "./connection.ts";

export type NewProviderMail = {
  /** What it is about, for whoever reads the table: `needs-help`, `silent`, … */
  kind: string;
  subject: string;
  body: string;
  /** A mail with the same is not written again. */
  dedupe: string;
};

export type ProviderMail = NewProviderMail & { no: number; attempts: number; createdAt: Date };

/** Writes a mail to the provider's contact into the caller's transaction; false when the fact was told before. */
export const insertProviderMail = async (sql: Sql, mail: NewProviderMail): Promise<boolean> => {
  const { rowCount } = await sql.query(
    "INSERT INTO provider_mails (kind, subject, body, dedupe) VALUES ($1, $2, $3, $4) ON CONFLICT (dedupe) DO NOTHING",
    [mail.kind, mail.subject, mail.body, mail.dedupe],
  );
  return rowCount === 1;
};

/** Takes the first that is due for `leaseMs`: nobody else sends it meanwhile, and when this process dies it is due again. */
export const takeProviderMail = async (sql: Sql, leaseMs: number): Promise<ProviderMail | null> => {
  const { rows } = await sql.query<ProviderMail>(
    `UPDATE provider_mails SET due_at = now() + $1 * interval '1 millisecond'
     WHERE no = (SELECT no FROM provider_mails WHERE sent_at IS NULL AND due_at <= now()
                 ORDER BY due_at, no LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING no, kind, subject, body, dedupe, attempts, created_at AS "createdAt"`,
    [leaseMs],
  );
  return rows[0] ?? null;
};

export const markProviderMailSent = async (sql: Sql, no: number): Promise<void> => {
  await sql.query(
    "UPDATE provider_mails SET sent_at = now(), attempts = attempts + 1, error = NULL WHERE no = $1 AND sent_at IS NULL",
    [no],
  );
};

/** Puts a mail back for `delayMs`; `counted`: it was an attempt that the other side could see. */
export const postponeProviderMail = async (
  sql: Sql,
  no: number,
  { delayMs, error, counted }: { delayMs: number; error: string; counted: boolean },
): Promise<void> => {
  await sql.query(
    `UPDATE provider_mails SET due_at = now() + $2 * interval '1 millisecond', error = $3, attempts = least(attempts + $4::int, 1000)
     WHERE no = $1 AND sent_at IS NULL`,
    [no, delayMs, error, counted ? 1 : 0],
  );
};
