import { type ChangeView, VIEW } from "./change-views.ts";
import type { Sql } from "./connection.ts";

/** A change of the public record; `service` is the service's title. */
export type RecordedChange = ChangeView & { service: string; createdAt: Date; revisedAt: Date };

/** What the record may be asked for: a part of it, newest first by creation. */
export type RecordPage = { before: { createdAt: Date; change: string } | null; limit: number };

const RECORD = VIEW.replace(
  " FROM changes c",
  `, s.title AS service, c.created_at AS "createdAt", r.accepted_at AS "revisedAt" FROM changes c JOIN services s ON s.service = c.service`,
);

/** Changes by the time of their creation, the newest first. */
export const listRecord = async (sql: Sql, { before, limit }: RecordPage): Promise<RecordedChange[]> => {
  const { rows } = await sql.query<RecordedChange>(
    `${RECORD} WHERE $1::timestamptz IS NULL OR (c.created_at, c.change) < ($1, $2)
     ORDER BY c.created_at DESC, c.change DESC LIMIT $3`,
    [before?.createdAt, before?.change, limit],
  );
  return rows;
};

/** Changes by the time of their last revision, the newest first: what a feed shows. */
export const listLatelyRevised = async (sql: Sql, limit: number): Promise<RecordedChange[]> => {
  const { rows } = await sql.query<RecordedChange>(`${RECORD} ORDER BY r.accepted_at DESC, c.change LIMIT $1`, [limit]);
  return rows;
};

export const findRecord = async (sql: Sql, change: string): Promise<RecordedChange | null> => {
  const { rows } = await sql.query<RecordedChange>(`${RECORD} WHERE c.change = $1`, [change]);
  return rows[0] ?? null;
};

/** Changes still ahead of the subscribers of `subscriptions`, the earliest release first, undated ones last. */
export const listOpenChanges = async (
  sql: Sql,
  subscriptions: readonly string[],
  limit: number,
): Promise<RecordedChange[]> => {
  const { rows } = await sql.query<RecordedChange>(
    `${RECORD} WHERE c.status IN ('announced', 'recorded') AND $1::text[] && ARRAY['*', c.service]
       AND (c.release_at IS NOT NULL OR c.status = 'announced')
     ORDER BY c.release_at NULLS LAST, c.change LIMIT $2`,
    [subscriptions, limit],
  );
  return rows;
};
