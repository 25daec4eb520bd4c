import type { DateMove } from "../domain/acknowledgement.ts";
import type { Channel } from "../domain/category.ts";
import type { Change, ChangeStatus } from "../domain/change.ts";
import type { Policy } from "../domain/policy.ts";
import type { AcknowledgementStatus } from "./acknowledgements.ts";
import type { EndpointStatus } from "./endpoints.ts";
import type { Sql } from "./connection.ts";
import { lookUp } from "./look-up.ts";

/** What of a change its proof rests on. */
export type ProofSubject = {
  change: string;
  revision: number;
  status: ChangeStatus;
  service: string;
  state: Change;
  policy: Policy;
  releasedAt: Date | null;
  /** The revision since which the present release date holds. */
  since: number;
  /** Numbers of its notices that were fanned out, and of those among them that bore the present date. */
  notices: number[];
  dated: number[];
  /** Every move of the date, the earliest first. */
  moves: DateMove[];
  /** The waiver of the whole change, given since the present date holds. */
  waiver: WaiverFact | null;
};

export type WaiverFact = { by: string; reason: string; at: string };
export type AcknowledgementFact = {
  status: AcknowledgementStatus;
  revision: number;
  by: string;
  note: string | null;
  at: string;
};

/** What the ledger knows of one partner and one change. */
export type ProofRow = {
  partner: string;
  joinedAt: Date;
  leftAt: Date | null;
  subscribed: boolean;
  toldAt: Date | null;
  channel: Channel | null;
  /** The first mail that bore the date, as a relay took it, and the first webhook, as it was delivered. */
  accepted: Date | null;
  delivered: Date | null;
  missed: string | null;
  /** Primary endpoints that take notices. */
  alive: number;
  /** Endpoints that take none any more. */
  closed: { endpoint: number; channel: Channel; status: EndpointStatus }[];
  acknowledgement: AcknowledgementFact | null;
  waiver: WaiverFact | null;
};

/** As JSON holds it, in the form in which everything of ours writes an instant. */
const UTC = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const WAIVER = (where: string): string =>
  `(SELECT json_build_object('by', w."by", 'reason', w.reason, 'at', ${UTC("w.at")}) FROM waivers w
    WHERE ${where} ORDER BY w.no DESC LIMIT 1)`;

/** The revision since which the present date of change `c` holds, and when that was accepted. */
export const SINCE = `
  CROSS JOIN LATERAL (
    SELECT coalesce(min(s.revision), c.revision) AS revision, (c.state->>'dateSince')::timestamptz AS at FROM revisions s
    WHERE s.change = c.change AND s.accepted_at >= (c.state->>'dateSince')::timestamptz) AS since`;

/** Whether notice `n` told of the present date: the same date of before a move there and back is another word. */
export const BEARS_DATE = `n.fan_out_started_at IS NOT NULL AND n.revision >= since.revision
  AND n.release_at IS NOT DISTINCT FROM c.release_at AND n.kind <> 'cancelled'`;

/** Whether delivery `d` came back for good after it was taken. */
export const BOUNCED = `EXISTS (
  SELECT FROM ${lookUp("bounces", "notice = d.notice AND endpoint = d.endpoint")} AS b WHERE b.kind = 'hard')`;

/** The change, its governing policy and its notices; null when there is no such change. */
export const findProofSubject = async (sql: Sql, change: string): Promise<ProofSubject | null> => {
  const { rows } = await sql.query<ProofSubject>(
    `SELECT c.change, c.revision, c.status, c.service, c.state, p.policy, c.released_at AS "releasedAt", since.revision AS since,
            ARRAY(SELECT no FROM notices n WHERE n.change = c.change AND n.fan_out_started_at IS NOT NULL ORDER BY no) AS notices,
            ARRAY(SELECT no FROM notices n WHERE n.change = c.change AND ${BEARS_DATE} ORDER BY no) AS dated,
            coalesce((SELECT json_agg(json_build_object('revision', m.revision, 'from', m.differs->>'releaseAt',
                        'to', m.state->'fields'->>'releaseAt') ORDER BY m.revision)
                      FROM revisions m WHERE m.change = c.change AND m.differs ? 'releaseAt'), '[]') AS moves,
            ${WAIVER("w.change = c.change AND w.partner IS NULL AND w.at >= since.at")} AS waiver
     FROM changes c
     JOIN revisions r ON r.change = c.change AND r.revision = c.revision
     JOIN policies p ON p.hash = r.policy ${SINCE}
     WHERE c.change = $1`,
    [change],
  );
  return rows[0] ?? null;
};

/**
 * Every delivery of a change to one endpoint `e`, by primary key. The LIMIT takes the choice from the planner, which right
 * after a large fan-out would read all deliveries of a notice for each partner.
 */
const OWN = (notices: string): string => `
  CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE notice = ${notices} AND endpoint = e.no LIMIT 1) AS d`;

/**
 * Of the deliveries that bore the date, those that arrived: a later bounce takes one away. What the latest notice missed counts once
 * none of its deliveries is tried any more: until then the partner is not told yet, whatever became of one endpoint.
 */
const PAGE = `
  SELECT p.partner, p.joined_at AS "joinedAt", p.left_at AS "leftAt", p.subscriptions && ARRAY['*', $2] AS subscribed,
         told.at AS "toldAt", told.channel, told.accepted, told.delivered, told.missed,
         reach.alive, reach.closed, said.acknowledgement, ${WAIVER("w.change = $1 AND w.partner = p.partner AND w.at >= $6")} AS waiver
  FROM partners p
  CROSS JOIN LATERAL (
    SELECT count(*) AS deliveries,
           min(d.sent_at) FILTER (WHERE arrived) AS at,
           (array_agg(d.channel ORDER BY d.sent_at, d.notice, d.endpoint) FILTER (WHERE arrived))[1] AS channel,
           min(d.sent_at) FILTER (WHERE arrived AND d.channel = 'email') AS accepted,
           min(d.sent_at) FILTER (WHERE arrived AND d.channel = 'webhook') AS delivered,
           (array_agg(CASE d.status WHEN 'sent' THEN 'bounced' WHEN 'waiting' THEN NULL ELSE d.reason END
                      ORDER BY d.notice DESC, d.status = 'waiting' DESC, d.endpoint)
              FILTER (WHERE NOT arrived AND d.notice = ANY($3)
                      AND (d.status <> 'waiting' OR d.attempts > 0 OR d.due_at <= now())))[1] AS missed
    FROM endpoints e CROSS JOIN unnest($4::int8[]) AS n (no) ${OWN("n.no")}
    CROSS JOIN LATERAL (
      SELECT d.status = 'sent' AND d.notice = ANY($3::int8[]) AND NOT ${BOUNCED} AS arrived) AS fate
    WHERE e.partner = p.partner) AS told
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status = 'active' AND e.role = 'primary') AS alive,
           coalesce(json_agg(json_build_object('endpoint', e.no, 'channel', e.channel, 'status', e.status) ORDER BY e.no)
             FILTER (WHERE e.status <> 'active'), '[]') AS closed
    FROM endpoints e WHERE e.partner = p.partner AND e.deleted_at IS NULL) AS reach
  LEFT JOIN LATERAL (
    SELECT json_build_object('status', a.status, 'revision', a.revision, 'by', a."by", 'note', a.note, 'at', ${UTC("a.at")})
             AS acknowledgement
    FROM acknowledgements a WHERE a.change = $1 AND a.partner = p.partner ORDER BY a.no DESC LIMIT 1) AS said ON true
  WHERE p.partner > $5 AND ((p.left_at IS NULL AND p.subscriptions && ARRAY['*', $2]) OR told.deliveries > 0)
  ORDER BY p.partner LIMIT $7`;

/**
 * The partners that a change concerns after `after`, in order of their id: who is subscribed now, and who was to be told
 * earlier. Each is read off primary keys and the index of its endpoints, so a page costs the same however many there are.
 */
export const listProofRows = async (
  sql: Sql,
  subject: ProofSubject,
  page: { after: string; limit: number },
): Promise<ProofRow[]> => {
  const { rows } = await sql.query<ProofRow>({
    name: "proof-rows",
    text: PAGE,
    values: [
      subject.change,
      subject.service,
      subject.dated,
      subject.notices,
      page.after,
      subject.state.dateSince,
      page.limit,
    ],
  });
  return rows;
};

/** Whether a change concerns a partner: it is subscribed to its service, or was to be told of it. */
export const concerns = async (sql: Sql, change: string, partner: string): Promise<boolean> => {
  const { rows } = await sql.query<{ concerned: boolean }>(
    `SELECT (p.left_at IS NULL AND p.subscriptions && ARRAY['*', c.service]) OR (
       SELECT count(*) > 0 FROM endpoints e CROSS JOIN notices n ${OWN("n.no")}
       WHERE e.partner = p.partner AND n.change = c.change) AS concerned
     FROM changes c CROSS JOIN partners p WHERE c.change = $1 AND p.partner = $2`,
    [change, partner],
  );
  return rows[0]?.concerned ?? false;
};
