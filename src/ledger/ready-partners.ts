import type { Sql } from "./connection.ts";

/**
 * Of reminders by notice number, the partners among `partners` whose latest word is *ready* and holds: said of what was
 * the latest revision then, and since the date was last brought forward (DESIGN §8). The last reminder of a revision
 * spares nobody.
 */
export const readyPartners = async (
  sql: Sql,
  notices: readonly number[],
  partners: readonly string[],
): Promise<Set<string>> => {
  const { rows } = await sql.query<{ notice: number; partner: string }>({
    name: "ready-partners",
    text: `
      SELECT n.no AS notice, a.partner
      FROM notices n
      CROSS JOIN LATERAL (
        SELECT coalesce(max(dated.revision), 1) AS since
        FROM (SELECT revision, release_at, lag(release_at) OVER (ORDER BY revision) AS former
              FROM (SELECT DISTINCT revision, release_at FROM notices WHERE change = n.change AND revision <= n.revision) AS each) AS dated
        WHERE dated.release_at < dated.former
      ) AS held
      JOIN acknowledgements a ON a.change = n.change AND a.partner = ANY($2) AND a.status = 'ready' AND a.revision >= held.since
      WHERE n.no = ANY($1)
        AND EXISTS (SELECT FROM notices later WHERE later.change = n.change AND later.revision = n.revision
                    AND later.kind = 'reminder' AND later.due_at > n.due_at AND later.status <> 'folded')
        AND NOT EXISTS (SELECT FROM acknowledgements later WHERE later.change = a.change AND later.partner = a.partner
                        AND later.no > a.no AND later.status = 'needs-help')
        AND NOT EXISTS (SELECT FROM revisions newer WHERE newer.change = a.change AND newer.revision > a.revision
                        AND newer.accepted_at <= a.at)`,
    values: [notices, partners],
  });
  return new Set(rows.map((row) => `${row.notice} ${row.partner}`));
};
