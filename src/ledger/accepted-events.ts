import type { Change } from "../domain/change.ts";
import type { ChangeEvent } from "../domain/event.ts";
import type { PlannedNotice } from "../domain/notice.ts";
import type { Policy } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Sql } from "./connection.ts";
import { newNotices, noticeRows } from "./notices.ts";

/** What is stored that decides on one event. */
export type EventFacts = {
  /** The database's clock, UTC with milliseconds: the one clock that decides. */
  now: string;
  /** The event that was accepted or held under this identity; null when there is none. */
  known: { bodyHash: Buffer; answer: unknown } | null;
  /**
   * The latest revision's state, and the status now: a release by the schedule makes no revision, so only `status` knows
   * of it. Null before the creation.
   */
  stored: { state: Change; status: Change["status"] } | null;
  /** Envelopes that wait for the creation of this change, in order of arrival. */
  held: { no: number; envelope: unknown }[];
  /** Of the services that the event, its change and what is held for it name, those that there are. */
  services: ReadonlyMap<string, { businessCritical: boolean }>;
  /** Whether the policy in force is stored. */
  policyIsKept: boolean;
};

/** As a row has it. */
type FactsRow = {
  change: string;
  now: Date;
  bodyHash: Buffer | null;
  answer: unknown;
  state: Change | null;
  status: Change["status"] | null;
  held: EventFacts["held"] | null;
  services: Record<string, boolean> | null;
  policyIsKept: boolean;
};

/**
 * Everything that is read to decide on events, each of another change: by the change's id, and each at one moment. One statement,
 * because each by itself cost the API 200 µs and PostgreSQL as much. Its clock is read after the locks that were taken before it,
 * so later is later.
 */
export const readEventFacts = async (
  sql: Sql,
  events: readonly ChangeEvent[],
  policyHash: string,
): Promise<ReadonlyMap<string, EventFacts>> => {
  const asked = events.map(({ source, id, change, fields: { service } }) => ({ source, id, change, service }));
  const { rows } = await sql.query<FactsRow>({
    name: "event-facts",
    text: `
      SELECT asked.change, date_trunc('milliseconds', clock_timestamp()) AS now, known.body_hash AS "bodyHash", known.answer,
             c.state, c.status, waiting.held,
             (SELECT jsonb_object_agg(s.service, s.business_critical) FROM services s
              WHERE s.service = ANY(ARRAY[asked.service, c.service] || waiting.services)) AS services,
             EXISTS (SELECT FROM policies p WHERE p.hash = $2) AS "policyIsKept"
      FROM jsonb_to_recordset($1) AS asked (source text, id text, change text, service text)
      CROSS JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object('no', h.no, 'envelope', h.envelope) ORDER BY h.no) AS held,
               array_agg(h.envelope->'data'->>'service') AS services
        FROM events h WHERE h.change = asked.change AND h.status = 'held') AS waiting
      LEFT JOIN changes c ON c.change = asked.change
      LEFT JOIN events known ON known.source = asked.source AND known.id = asked.id AND known.status <> 'refused'`,
    values: [JSON.stringify(asked), policyHash],
  });
  return new Map(
    rows.map((row) => [
      row.change,
      {
        now: row.now.toISOString(),
        known: row.bodyHash && { bodyHash: row.bodyHash, answer: row.answer },
        stored: row.state && row.status && { state: row.state, status: row.status },
        held: row.held ?? [],
        services: new Map(
          Object.entries(row.services ?? {}).map(([service, businessCritical]) => [service, { businessCritical }]),
        ),
        policyIsKept: row.policyIsKept,
      },
    ]),
  );
};

/** Those of one change among those that were asked for. */
export const factsOf = (facts: ReadonlyMap<string, EventFacts>, change: string): EventFacts => {
  const its = facts.get(change);
  if (!its) throw new Error("a statement that gives a row for each event gave none");
  return its;
};

/** An event as it is kept, whatever it does. */
export type NewEvent = {
  source: string;
  id: string;
  type: string;
  change: string;
  bodyHash: Buffer;
  envelope: unknown;
  acceptedAt: string;
  answer: unknown;
};

/** Keeps an event until its change is created; fails on `events_identity` when another process was first. */
export const insertHeldEvent = async (sql: Sql, event: NewEvent): Promise<void> => {
  const { source, id, type, change, bodyHash, envelope, acceptedAt, answer } = event;
  await sql.query({
    name: "insert-held-event",
    text: `INSERT INTO events (source, id, type, change, body_hash, envelope, status, accepted_at, answer)
           VALUES ($1, $2, $3, $4, $5, $6, 'held', $7, $8)`,
    values: [source, id, type, change, bodyHash, JSON.stringify(envelope), acceptedAt, JSON.stringify(answer)],
  });
};

/** An event that made a revision. */
export type AcceptedEvent = {
  event: NewEvent;
  revision: Revision;
  /** Stored with it; null when they are left to the planner. */
  notices: readonly PlannedNotice[] | null;
};

/** An accepted event and its revision, by the names of their columns. */
const acceptedRow = ({ event, revision, notices }: AcceptedEvent) => {
  const { change, plan } = revision;
  const released = change.status === "released";
  return {
    source: event.source,
    id: event.id,
    type: event.type,
    change: event.change,
    body_hash: `\\x${event.bodyHash.toString("hex")}`,
    envelope: event.envelope,
    accepted_at: event.acceptedAt,
    answer: event.answer,
    revision: change.revision,
    status: change.status,
    category: change.fields.category,
    service: change.fields.service,
    release_at: revision.releaseAt,
    state: change,
    released_at: released ? revision.releasedAt : null,
    released_by: released ? "event" : null,
    attention_at: revision.attentionAt,
    lane: revision.lane,
    differs: revision.differs,
    reason: revision.reason,
    minor: revision.minor,
    verdict: plan.verdict,
    is_planned: notices !== null,
  };
};

const INSERT_ACCEPTED = `
  WITH new AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($1) AS new (
      source text, id text, type text, change text, body_hash bytea, envelope jsonb, accepted_at timestamptz, answer jsonb,
      revision int, status text, category text, service text, release_at timestamptz, state jsonb, released_at timestamptz,
      released_by text, attention_at timestamptz, lane text, differs jsonb, reason text, minor bool, verdict jsonb, is_planned bool)
  ),
  event AS (
    INSERT INTO events (source, id, type, change, body_hash, envelope, status, accepted_at, revision, answer)
    SELECT source, id, type, change, body_hash, envelope, 'accepted', accepted_at, revision, answer FROM new RETURNING no, change
  ),
  policy AS (
    INSERT INTO policies (hash, policy) SELECT $2, $3::jsonb WHERE $3 IS NOT NULL ON CONFLICT DO NOTHING
  ),
  latest AS (
    INSERT INTO changes (change, revision, status, category, service, release_at, state, released_at, released_by, attention_at,
      created_at)
    SELECT change, revision, status, category, service, release_at, state, released_at, released_by, attention_at, accepted_at FROM new
    ON CONFLICT (change) DO UPDATE SET revision = excluded.revision, status = excluded.status, category = excluded.category,
      service = excluded.service, release_at = excluded.release_at, state = excluded.state, attention_at = excluded.attention_at,
      released_at = CASE WHEN excluded.status = 'released' THEN coalesce(excluded.released_at, changes.released_at) END,
      released_by = CASE WHEN excluded.status = 'released' THEN coalesce(changes.released_by, excluded.released_by) END
  ),
  planned AS (${newNotices("$4")})
  INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, reason, minor, verdict, planned_at)
  SELECT change, revision, no, accepted_at, $2, lane, state, differs, reason, minor, verdict, CASE WHEN is_planned THEN now() END
  FROM new JOIN event USING (change)`;

/**
 * Records events, each of another change, with the revisions that they made and those ones' notices, and makes them their changes'
 * latest: one statement, for the reason above. Fails on `events_identity` when another process was first. `policy` null: it is
 * stored already.
 */
export const insertAcceptedEvents = async (
  sql: Sql,
  accepted: readonly AcceptedEvent[],
  { policyHash, policy }: { policyHash: string; policy: Policy | null },
): Promise<void> => {
  const notices = accepted.flatMap(({ event, revision, notices }) =>
    noticeRows({
      change: event.change,
      revision: revision.change.revision,
      releaseAt: revision.releaseAt,
      notices: notices ?? [],
    }),
  );
  await sql.query({
    name: "insert-accepted-events",
    text: INSERT_ACCEPTED,
    values: [
      JSON.stringify(accepted.map(acceptedRow)),
      policyHash,
      policy && JSON.stringify(policy),
      JSON.stringify(notices),
    ],
  });
};
