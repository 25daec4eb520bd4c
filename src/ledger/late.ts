import type { Lane } from "../domain/category.ts";
import type { Sql } from "./connection.ts";
import { hoursOf, ownHour } from "./fan-out.ts";
import { lookUp, membersOf } from "./look-up.ts";

/** Endpoints of one commit: few enough that an urgent fan-out, which waits for the locks, does not wait long. */
const WELCOME_LIMIT = 1_000;

/** Takes endpoints that nobody has welcomed, and says what their partners follow. */
const takeUnwelcomed = async (sql: Sql): Promise<{ no: number; subscriptions: string[] }[]> => {
  const { rows } = await sql.query<{ no: number; subscriptions: string[] }>({
    name: "take-unwelcomed",
    text: `
      WITH fresh AS MATERIALIZED (
        SELECT no FROM endpoints WHERE unwelcomed ORDER BY no LIMIT ${WELCOME_LIMIT} FOR UPDATE SKIP LOCKED
      ),
      taken AS (UPDATE endpoints e SET unwelcomed = false FROM fresh WHERE e.no = fresh.no)
      SELECT e.no, p.subscriptions FROM fresh
      CROSS JOIN ${lookUp("endpoints", "no = fresh.no")} AS e CROSS JOIN ${lookUp("partners", "partner = e.partner")} AS p`,
  });
  return rows;
};

/** What is open, and to be said to who comes late, as a condition on change `c` and its notice `n`. */
const IS_OPEN = `c.status = 'announced' AND n.revision = c.revision AND n.status IN ('planned', 'sending', 'done')
  AND n.audience IN ('all', 'untold') AND (n.kind = 'announcement' OR n.due_at > now())`;

/** Locks the open notices of a lane that may have begun; those that are left out have yet to see who was just taken. */
const lockBegun = async (sql: Sql, lane: Lane, services: readonly string[]): Promise<number[]> => {
  const { rows } = await sql.query<{ no: number }>({
    name: "lock-begun",
    text: `SELECT n.no FROM changes c JOIN notices n ON n.change = c.change
           WHERE n.lane = $1 AND ARRAY['*', c.service] && $2::text[] AND n.fan_out_at <= clock_timestamp() AND ${IS_OPEN}
           ORDER BY n.no FOR NO KEY UPDATE OF n`,
    values: [lane, services],
  });
  return rows.map(({ no }) => no);
};

/** Makes the deliveries of these endpoints by notices that the caller has locked; answers how many. */
const tellOf = async (sql: Sql, notices: readonly number[], endpoints: readonly number[]): Promise<number> => {
  const { rows } = await sql.query<{ made: number }>({
    name: "welcome-endpoints",
    text: `
      WITH open AS MATERIALIZED (
        SELECT n.*, c.service, ${hoursOf("o.policy", "now()")} AS hours
        FROM (${membersOf("$1::int8[]")}) AS locked (no)
        CROSS JOIN ${lookUp("notices", "no = locked.no")} AS n
        JOIN changes c ON c.change = n.change
        JOIN revisions r ON r.change = c.change AND r.revision = c.revision
        JOIN policies o ON o.hash = r.policy
        WHERE ${IS_OPEN}
      ),
      made AS (
        INSERT INTO deliveries (notice, endpoint, lane, channel, due_at)
        SELECT n.no, e.no, n.lane, e.channel, greatest(${ownHour("n.hours")}, now())
        FROM (${membersOf("$2::int8[]")}) AS fresh (no)
        CROSS JOIN ${lookUp("endpoints", "no = fresh.no")} AS e
        CROSS JOIN ${lookUp("partners", "partner = e.partner")} AS p
        CROSS JOIN open n
        WHERE e.status = 'active' AND e.role = 'primary' AND e.deleted_at IS NULL AND p.left_at IS NULL
          AND p.subscriptions && ARRAY['*', n.service]
          -- Whoever lies ahead of its cursor a fan-out covers by itself.
          AND (n.fanned_out_at IS NOT NULL OR e.no <= n.cursor)
          AND (n.kind = 'reminder' OR NOT EXISTS (
            SELECT FROM notices said JOIN deliveries d ON d.notice = said.no AND d.endpoint = e.no
            WHERE said.change = n.change AND (d.status = 'sent' OR (d.attempts > 0 AND d.reason IS DISTINCT FROM 'unsubscribed'))))
        -- Whoever followed the service before, left it and is back: what was not sent meanwhile still is.
        ON CONFLICT (notice, endpoint) DO UPDATE SET status = 'waiting', reason = NULL, chunk = NULL, due_at = excluded.due_at
          WHERE deliveries.status = 'suppressed' AND deliveries.reason = 'unsubscribed'
        RETURNING notice
      ),
      reopened AS (
        UPDATE notices SET status = 'sending', done_at = NULL WHERE no IN (SELECT notice FROM made) AND status = 'done'
      )
      SELECT count(*) AS made FROM made`,
    values: [notices, endpoints],
  });
  return rows[0]?.made ?? 0;
};

/** The urgent lane last, so that its notices are locked for as long as their own deliveries take. */
const LANES_IN_TURN: readonly Lane[] = ["routine", "urgent"];

/**
 * Tells endpoints that are new or subscribed anew of the open changes that were announced before: the
 * announcement of the latest revision, at once, and the reminders that are fanned out and lie ahead. In the caller's transaction.
 *
 * A fan-out covers who is committed when its window begins, so what a window that is under way left out is known only when it
 * is over: this takes the endpoints, then waits for the locks of the notices, and then looks, each in a statement of its own.
 * It locks before it inserts, as a window does, and waits for less than a second, after which PostgreSQL looks for
 * deadlocks: nobody else is ever given up for it. Rejects where it waited too long (`isLockTimeout`); then it is to be tried again.
 */
export const welcomeEndpoints = async (sql: Sql): Promise<{ endpoints: number; deliveries: number }> => {
  const fresh = await takeUnwelcomed(sql);
  let deliveries = 0;
  if (fresh.length > 0) {
    await sql.query("SET LOCAL lock_timeout = '500ms'");
    const services = [...new Set(fresh.flatMap(({ subscriptions }) => subscriptions))];
    const endpoints = fresh.map(({ no }) => no);
    for (const lane of LANES_IN_TURN) {
      const notices = await lockBegun(sql, lane, services);
      if (notices.length > 0) deliveries += await tellOf(sql, notices, endpoints);
    }
  }
  return { endpoints: fresh.length, deliveries };
};

export type Escalation = { notice: string; change: string; revision: number; silent: string[]; contacts: number };

/**
 * Takes one reminder that is due to escalate and fanned out whole, since it happens once only, whoever sweeps: its partners
 * who have said nothing of the change count as silent, and their escalation endpoints get the reminder too. Null: none is due.
 */
export const escalateOne = async (sql: Sql): Promise<Escalation | null> => {
  const { rows } = await sql.query<Escalation>({
    name: "escalate-one",
    text: `
      WITH due AS MATERIALIZED (
        SELECT no, id, change, revision, lane FROM notices
        WHERE escalates AND escalated_at IS NULL AND due_at <= now() AND fanned_out_at IS NOT NULL AND status IN ('sending', 'done')
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
