import type { Channel, Lane } from "../domain/category.ts";
import type { Audience, NoticeStatus } from "../domain/notice.ts";
import type { Sql } from "./connection.ts";
import { lookUp, membersOf } from "./look-up.ts";
import { knownZone } from "./zones.ts";

/** Deliveries of one chunk: one job sends them under one lease. */
export const CHUNK_SIZE = 200;

/** `notice`: the number of the only one whose deliveries it has, where that is known. */
export type NewChunk = { id: number; channel: Channel; lane: Lane; notice?: number };

export type NoticeToFanOut = {
  no: number;
  id: string;
  change: string | null;
  service: string | null;
  lane: Lane;
  audience: Audience;
  status: NoticeStatus;
  cursor: number;
  fannedOutAt: Date | null;
  /** By the database's clock; above zero it is too early. */
  dueInMs: number;
  /** Each partner's own hour: the day, the wall clock and the weekdays on which nothing arrives; null: all at once. */
  hours: { day: string; sendAt: string; heldDays: string[]; notBefore: string } | null;
  /** A sender has deliveries of earlier notices in hand, whose reach decides whom this one tells: it is not known yet. */
  unsettled: boolean;
  /** The change's notices before this one: an endpoint that one of them reached has been told. */
  earlier: number[];
  /**
   * What says the same: the other notices of this revision that are due with it, for told or untold endpoints, and the same reminder of the
   * same date in earlier revisions. Nobody gets both.
   */
  siblings: number[];
};

/** A notice that came before: of an earlier revision, or due earlier in this one, as all are that the word of a release follows. */
const BEFORE = "(s.revision < n.revision OR (s.revision = n.revision AND s.due_at < n.due_at))";

/** The same reminder of the same date, of an earlier revision. */
const SAME_REMINDER = `(n.kind = 'reminder' AND s.kind = 'reminder' AND s.revision < n.revision
                      AND s."offset" = n."offset" AND s.release_at = n.release_at)`;

/** What notice `n` needs for each partner's own hour, under `policy`, for who is told of its change at `toldAt`; null: all at once. */
export const hoursOf = (policy: string, toldAt: string): string =>
  `CASE WHEN n.day IS NOT NULL THEN jsonb_build_object('day', n.day, 'sendAt', ${policy}->'sendAt',
     'heldDays', ${policy}->'heldDays', 'notBefore', (${toldAt} AT TIME ZONE ${knownZone(`${policy}->>'timeZone'`)})::date) END`;

/** Locks those of the notices $1 that `whose` says, and reads what their next window needs. */
const lockStatement = (whose: "FOR UPDATE" | "FOR UPDATE SKIP LOCKED"): string => `
  SELECT n.no, n.id, n.change, c.service, n.lane, n.audience, n.status, n.cursor, n.fanned_out_at AS "fannedOutAt",
         ceil(extract(epoch FROM n.fan_out_at - clock_timestamp()) * 1000)::int8 AS "dueInMs",
         ${hoursOf("p.policy", "r.accepted_at")} AS hours,
         (n.audience <> 'all' OR n.kind = 'reminder') AND EXISTS (
           SELECT FROM notices s
           JOIN chunk_notices its ON its.notice = s.no
           JOIN chunks k ON k.id = its.chunk AND k.state = 'running' AND k.leased_until > now()
           CROSS JOIN ${lookUp("deliveries", "chunk = k.id")} AS d
           WHERE d.notice = its.notice AND d.status = 'waiting' AND s.change = n.change AND ${BEFORE}
             AND (n.audience <> 'all' OR ${SAME_REMINDER})) AS unsettled,
         ARRAY(SELECT s.no FROM notices s WHERE s.change = n.change AND ${BEFORE}) AS earlier,
         ARRAY(SELECT s.no FROM notices s WHERE s.change = n.change AND (
                 (s.revision = n.revision AND s.audience <> 'all' AND n.audience <> 'all' AND s.no <> n.no
                  AND s.due_at = n.due_at)
                 OR ${SAME_REMINDER})) AS siblings
  FROM (${membersOf("$1::text[]")}) AS wanted (id)
  CROSS JOIN LATERAL (SELECT * FROM notices WHERE id = wanted.id ${whose}) AS n
  LEFT JOIN changes c ON c.change = n.change
  LEFT JOIN revisions r ON r.change = n.change AND r.revision = n.revision
  LEFT JOIN policies p ON p.hash = r.policy`;

/** Locks the notice's row until the transaction ends, so that fan-out and supersession take turns. */
export const lockNotice = async (sql: Sql, id: string): Promise<NoticeToFanOut | null> => {
  const text = lockStatement("FOR UPDATE");
  const { rows } = await sql.query<NoticeToFanOut>({ name: "lock-notice", text, values: [[id]] });
  return rows[0] ?? null;
};

/** The same of several, but for those that somebody else has: they are left out, not waited for. */
export const lockFreeNotices = async (sql: Sql, ids: readonly string[]): Promise<NoticeToFanOut[]> => {
  const text = lockStatement("FOR UPDATE SKIP LOCKED");
  const { rows } = await sql.query<NoticeToFanOut>({ name: "lock-free-notices", text, values: [ids] });
  return rows;
};

/** Whether one of `notices`, an array that is mostly empty, has a delivery `d` to endpoint `e` that is so. */
const isToldBy = (notices: "$4" | "$5", so: string): string =>
  `(cardinality(${notices}::int8[]) > 0 AND EXISTS (
      SELECT FROM unnest(${notices}::int8[]) AS s (no)
      CROSS JOIN ${lookUp("deliveries", "notice = s.no AND endpoint = e.no")} AS d WHERE ${so}))`;

/** Which endpoints each audience takes, as a condition on `e`; $4 are earlier notices, $5 siblings. */
const AUDIENCE: Record<Audience, string> = (() => {
  const told = isToldBy("$4", "d.status = 'sent' OR d.attempts > 0");
  const toldBySibling = isToldBy("$5", "true");
  return {
    all: `$4::int8[] IS NOT NULL AND NOT ${isToldBy("$5", "d.status = 'sent'")}`,
    told: `${told} AND NOT ${toldBySibling}`,
    untold: `NOT ${told} AND NOT ${toldBySibling}`,
  };
})();

/**
 * When a partner `p` gets notice `n`: at the policy's `sendAt` by its own clock, on the last day up to `day` that is
 * neither a held weekday nor one of its holidays, but never on or before the day of acceptance (it was told then), and
 * never after the release: then at the nominal time. Without a day of its own ($7 null) all get it at `due_at`.
 */
export const ownHour = (hours: string): string => `
  CASE WHEN ${hours} IS NULL THEN n.due_at ELSE (
    SELECT CASE WHEN own.at < coalesce(n.release_at, 'infinity') THEN own.at ELSE n.due_at END
    FROM (SELECT (coalesce(max(days.day), n.day) + (${hours}->>'sendAt')::time) AT TIME ZONE ${knownZone("p.time_zone")} AS at
          FROM (SELECT n.day - back AS day FROM generate_series(0, 13) AS back) AS days
          WHERE NOT ${hours}->'heldDays' ? trim(to_char(days.day, 'Day')) AND NOT days.day = ANY(p.holidays)
            AND days.day > (${hours}->>'notBefore')::date) AS own
  ) END`;

const windowStatement = (audience: Audience): string => `
  WITH first AS MATERIALIZED (SELECT nextval('chunk_ids') AS id),
  covered AS MATERIALIZED (
    (SELECT endpoint FROM followers WHERE service = '*' AND endpoint > $2 ORDER BY endpoint LIMIT $6)
    UNION
    (SELECT endpoint FROM followers WHERE service = $3 AND endpoint > $2 ORDER BY endpoint LIMIT $6)
    ORDER BY endpoint LIMIT $6
  ),
  audience AS MATERIALIZED (
    SELECT e.no, e.channel, n.no AS notice, n.lane, ${ownHour("$7::jsonb")} AS due_at
    FROM covered
    CROSS JOIN ${lookUp("endpoints", "no = covered.endpoint")} AS e
    CROSS JOIN ${lookUp("partners", "partner = e.partner")} AS p
    CROSS JOIN (SELECT * FROM notices WHERE no = $1) AS n
    WHERE e.status = 'active' AND e.role = 'primary' AND e.deleted_at IS NULL AND p.left_at IS NULL AND ${AUDIENCE[audience]}
  ),
  numbered AS (
    SELECT notice, no, lane, channel, due_at, CASE WHEN due_at <= now() THEN
             (SELECT id FROM first) + dense_rank() OVER (ORDER BY due_at <= now() DESC, channel, place) - 1 END AS chunk
    FROM (SELECT *, (row_number() OVER (PARTITION BY channel, due_at <= now() ORDER BY no) - 1) / ${CHUNK_SIZE} AS place
          FROM audience) AS placed
  ),
  new_deliveries AS (
    INSERT INTO deliveries (notice, endpoint, lane, channel, chunk, due_at)
    SELECT notice, no, lane, channel, chunk, due_at FROM numbered
    ON CONFLICT DO NOTHING
    RETURNING chunk, channel, lane
  ),
  new_chunks AS (
    INSERT INTO chunks (id, lane, channel)
    SELECT DISTINCT chunk, lane, channel FROM new_deliveries WHERE chunk IS NOT NULL RETURNING id, lane, channel
  ),
  its_chunks AS (INSERT INTO chunk_notices (chunk, notice) SELECT id, $1 FROM new_chunks),
  moved AS (
    UPDATE notices SET status = 'sending', cursor = coalesce((SELECT max(endpoint) FROM covered), cursor),
      fan_out_started_at = coalesce(fan_out_started_at, clock_timestamp()),
      fanned_out_at = CASE WHEN (SELECT count(*) FROM covered) < $6 THEN clock_timestamp() END
    WHERE no = $1
  )
  SELECT id, lane, channel, (SELECT count(*) FROM covered) AS covered, (SELECT count(*) FROM new_deliveries) AS deliveries
  FROM (SELECT 1) AS always LEFT JOIN new_chunks ON true ORDER BY id`;

export type Window = { chunks: NewChunk[]; covered: number; deliveries: number };

/**
 * Makes the deliveries of the next `size` endpoints after the cursor, in chunks, and moves the cursor: all in the
 * caller's transaction, which holds the notice's row. Run again it inserts nothing twice (primary key: notice, endpoint), nor
 * beside a late joiner's welcome. Asking first which rows there are would cost a quarter less, but a planner that
 * believes the table empty compares each endpoint with every row of the notice.
 *
 * `size` is at most 100,000: a window takes its chunk ids from one block of a thousand.
 */
export const fanOutWindow = async (sql: Sql, notice: NoticeToFanOut, size: number): Promise<Window> => {
  const { rows } = await sql.query<{
    id: number | null;
    lane: Lane;
    channel: Channel;
    covered: number;
    deliveries: number;
  }>({
    name: `fan-out-${notice.audience}`,
    text: windowStatement(notice.audience),
    values: [notice.no, notice.cursor, notice.service, notice.earlier, notice.siblings, size, notice.hours],
  });
  return {
    chunks: rows.flatMap(({ id, lane, channel }) => (id === null ? [] : [{ id, lane, channel, notice: notice.no }])),
    covered: rows[0]?.covered ?? 0,
    deliveries: rows[0]?.deliveries ?? 0,
  };
};
