import type { Sql } from "./connection.ts";

/** What the flow should have moved on more than a minute ago and has not; paused things are not late. */
export type Overdue = { plans: number; notices: number; deliveries: number; chunks: number };

/** Nobody needs to know more exactly how bad it is, and looking must stay cheap. */
const COUNTED = 1_000;

const LATE = "now() - interval '1 minute'";
const NOT_HELD = "c.paused_at IS NULL AND NOT EXISTS (SELECT FROM installation WHERE paused_at IS NOT NULL)";

/** By kind, what is late: each reads one partial index. */
const LATE_ROWS: Record<keyof Overdue, string> = {
  plans: `SELECT FROM revisions WHERE planned_at IS NULL AND accepted_at < ${LATE}`,
  notices: `SELECT FROM notices n LEFT JOIN changes c ON c.change = n.change
            WHERE n.fan_out_at < ${LATE} AND (n.status = 'planned'
                OR (n.status = 'sending' AND n.fanned_out_at IS NULL AND n.fan_out_started_at < now() - interval '10 minutes'))
              AND ${NOT_HELD}`,
  deliveries: `SELECT FROM deliveries d JOIN notices n ON n.no = d.notice LEFT JOIN changes c ON c.change = n.change
               WHERE d.lane IN ('urgent', 'routine') AND d.status = 'waiting' AND d.chunk IS NULL AND d.due_at < ${LATE}
                 AND ${NOT_HELD}`,
  chunks: `SELECT FROM chunks WHERE state = 'running' AND leased_until < ${LATE}
           UNION ALL
           SELECT FROM chunks k JOIN changes c ON c.change = k.held_for
           WHERE k.state = 'held' AND k.lane IN ('urgent', 'routine') AND k.created_at < ${LATE} AND ${NOT_HELD}`,
};

/** Counts what is late, to a thousand of each kind. */
export const countOverdue = async (sql: Sql): Promise<Overdue> => {
  const count = (kind: keyof Overdue): string =>
    `(SELECT count(*)::int FROM (${LATE_ROWS[kind]} LIMIT ${COUNTED}) AS ${kind}) AS ${kind}`;
  const { rows } = await sql.query<Overdue>({
    name: "count-overdue",
    text: `SELECT ${count("plans")}, ${count("notices")}, ${count("deliveries")}, ${count("chunks")}`,
  });
  return rows[0] ?? { plans: 0, notices: 0, deliveries: 0, chunks: 0 };
};

const WORDS: Record<keyof Overdue, string> = {
  plans: "revisions not planned",
  notices: "notices not fanned out",
  deliveries: "deliveries not taken up",
  chunks: "chunks without a sender",
};

/** What is late in words, and what to do; null when nothing is. */
export const overdueWords = (overdue: Overdue): string | null => {
  const late = Object.entries(WORDS).flatMap(([kind, words]) => {
    const count = overdue[kind as keyof Overdue];
    return count === 0 ? [] : [`${count === COUNTED ? `${COUNTED} or more` : count} ${words}`];
  });
  return late.length === 0
    ? null
    : `late by a minute or more: ${late.join(", ")}; see that a scheduler and senders run`;
};
