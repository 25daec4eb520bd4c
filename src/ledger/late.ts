import type { Sql } from "./connection.ts";
import { hoursOf, ownHour } from "./fan-out.ts";

/** Endpoints that one sweep welcomes. */
const WELCOME_LIMIT = 5_000;

/**
 * Tells endpoints that are new or subscribed anew of the open changes that were announced before: the
 * announcement of the latest revision, at once, and the reminders that are fanned out and lie ahead. What a running
 * fan-out covers too is inserted once (primary key). Answers how many deliveries it made.
 */
export const welcomeEndpoints = async (sql: Sql): Promise<number> => {
  const { rows } = await sql.query<{ made: number }>({
    name: "welcome-endpoints",
    text: `
      WITH fresh AS MATERIALIZED (
        SELECT no FROM endpoints WHERE unwelcomed ORDER BY no LIMIT ${WELCOME_LIMIT} FOR UPDATE SKIP LOCKED
      ),
      welcomed AS (UPDATE endpoints e SET unwelcomed = false FROM fresh WHERE e.no = fresh.no),
      open AS MATERIALIZED (
        SELECT n.*, c.service, ${hoursOf("o.policy", "now()")} AS hours
        FROM changes c
        JOIN notices n ON n.change = c.change AND n.revision = c.revision
        JOIN revisions r ON r.change = c.change AND r.revision = c.revision
        JOIN policies o ON o.hash = r.policy
        WHERE c.status = 'announced' AND n.fan_out_started_at IS NOT NULL AND n.status IN ('sending', 'done')
          AND n.audience IN ('all', 'untold') AND (n.kind = 'announcement' OR n.due_at > now())
          AND EXISTS (SELECT FROM fresh)
      ),
      made AS (
        INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
        SELECT n.no, e.no, n.lane, e.channel, greatest(${ownHour("n.hours")}, now())
        FROM fresh
        JOIN endpoints e ON e.no = fresh.no
        JOIN partners p ON p.partner = e.partner
        CROSS JOIN open n
        WHERE e.status = 'active' AND e.role = 'primary' AND e.deleted_at IS NULL AND p.left_at IS NULL
          AND p.subscriptions && ARRAY['*', n.service]
          AND (n.kind = 'reminder' OR NOT EXISTS (
            SELECT FROM notices said JOIN deliveries d ON d.notice = said.no AND d.endpoint = e.no
            WHERE said.change = n.change AND (d.status = 'sent' OR d.attempts > 0)))
        ON CONFLICT DO NOTHING
        RETURNING notice
      ),
      reopened AS (
        -- Those that are being sent too: one of them may have been finished meanwhile, which this statement cannot see.
        UPDATE notices SET status = 'sending', done_at = NULL WHERE no IN (SELECT notice FROM made) AND status IN ('sending', 'done')
      )
      SELECT count(*) AS made FROM made`,
  });
  return rows[0]?.made ?? 0;
};

export type Escalation = { notice: string; change: string; revision: number; silent: string[]; contacts: number };

/**
 * Takes one reminder that is due to escalate: its partners who have said nothing of the change count
 * as silent, and their escalation endpoints get the reminder too. Once only, whoever sweeps. Null: none is due.
 */
export const escalateOne = async (sql: Sql): Promise<Escalation | null> => {
  const { rows } = await sql.query<Escalation>({
    name: "escalate-one",
    text: `
      WITH due AS MATERIALIZED (
        SELECT no, id, change, revision, lane FROM notices
        WHERE escalates AND escalated_at IS NULL AND due_at <= now() AND status IN ('sending', 'done')
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
      ),
      silent AS MATERIALIZED (
        SELECT DISTINCT e.partner
        FROM due JOIN deliveries d ON d.notice = due.no
        JOIN endpoints e ON e.no = d.endpoint
        JOIN partners p ON p.partner = e.partner AND p.left_at IS NULL
        WHERE NOT EXISTS (SELECT FROM acknowledgements a WHERE a.change = due.change AND a.partner = e.partner)
      ),
      made AS (
        INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
        SELECT due.no, e.no, due.lane, e.channel, now()
        FROM due CROSS JOIN silent
        JOIN endpoints e ON e.partner = silent.partner AND e.role = 'escalation' AND e.status = 'active' AND e.deleted_at IS NULL
        ON CONFLICT DO NOTHING
        RETURNING endpoint
      ),
      done AS (
        UPDATE notices SET escalated_at = now(), status = CASE WHEN (SELECT count(*) FROM made) > 0 THEN 'sending' ELSE status END
        WHERE no = (SELECT no FROM due)
      )
      SELECT due.id AS notice, due.change, due.revision, ARRAY(SELECT partner FROM silent ORDER BY partner) AS silent,
             (SELECT count(*) FROM made) AS contacts
      FROM due`,
  });
  return rows[0] ?? null;
};
