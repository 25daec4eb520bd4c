import type { Change } from "../domain/change.ts";
import type { ChangeEvent } from "../domain/event.ts";
import type { PlannedNotice } from "../domain/notice.ts";
import type { Policy } from "../domain/policy.ts";
import type { Revision } from "../domain/revise.ts";
import type { Sql } from "./connection.ts";
import { newNotices, noticeValues } from "./notices.ts";

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

/** As the one row has it. */
type FactsRow = {
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
 * Everything that is read to decide on an event, at one moment. One statement, because each by itself cost the API 200 µs
 * and PostgreSQL as much. Its clock is read after the lock that was taken before it, so later is later.
 */
export const readEventFacts = async (sql: Sql, event: ChangeEvent, policyHash: string): Promise<EventFacts> => {
  const { rows } = await sql.query<FactsRow>({
    name: "event-facts",
    text: `
      SELECT date_trunc('milliseconds', clock_timestamp()) AS now, known.body_hash AS "bodyHash", known.answer, c.state, c.status,
             waiting.held,
             (SELECT jsonb_object_agg(s.service, s.business_critical) FROM services s
              WHERE s.service = ANY(ARRAY[$4, c.service] || waiting.services)) AS services,
             EXISTS (SELECT FROM policies p WHERE p.hash = $5) AS "policyIsKept"
      FROM (SELECT jsonb_agg(jsonb_build_object('no', h.no, 'envelope', h.envelope) ORDER BY h.no) AS held,
                   array_agg(h.envelope->'data'->>'service') AS services
            FROM events h WHERE h.change = $3 AND h.status = 'held') AS waiting
      LEFT JOIN changes c ON c.change = $3
      LEFT JOIN events known ON known.source = $1 AND known.id = $2 AND known.status <> 'refused'`,
    values: [event.source, event.id, event.change, event.fields.service ?? null, policyHash],
  });
  const row = rows[0];
  if (!row) throw new Error("a statement that gives one row gave none");
  return {
    now: row.now.toISOString(),
    known: row.bodyHash && { bodyHash: row.bodyHash, answer: row.answer },
    stored: row.state && row.status && { state: row.state, status: row.status },
    held: row.held ?? [],
    services: new Map(
      Object.entries(row.services ?? {}).map(([service, businessCritical]) => [service, { businessCritical }]),
    ),
    policyIsKept: row.policyIsKept,
  };
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

const eventValues = (event: NewEvent): unknown[] => [
  event.source,
  event.id,
  event.type,
  event.change,
  event.bodyHash,
  JSON.stringify(event.envelope),
  event.acceptedAt,
  JSON.stringify(event.answer),
];

/** Keeps an event until its change is created; fails on `events_identity` when another process was first. */
export const insertHeldEvent = async (sql: Sql, event: NewEvent): Promise<void> => {
  await sql.query({
    name: "insert-held-event",
    text: `INSERT INTO events (source, id, type, change, body_hash, envelope, status, accepted_at, answer)
           VALUES ($1, $2, $3, $4, $5, $6, 'held', $7, $8)`,
    values: eventValues(event),
  });
};

type Accepted = {
  event: NewEvent;
  revision: Revision;
  /** `policy` null: it is stored already. */
  policyHash: string;
  policy: Policy | null;
  /** Stored with it; null when they are left to the planner. */
  notices: readonly PlannedNotice[] | null;
};

const INSERT_ACCEPTED = `
  WITH event AS (
    INSERT INTO events (source, id, type, change, body_hash, envelope, status, accepted_at, revision, answer)
    VALUES ($1, $2, $3, $4, $5, $6, 'accepted', $7, $9, $8) RETURNING no
  ),
  policy AS (
    INSERT INTO policies (hash, policy) SELECT $10, $11::jsonb WHERE $11 IS NOT NULL ON CONFLICT DO NOTHING
  ),
  latest AS (
    INSERT INTO changes (change, revision, status, category, service, release_at, state, released_at, released_by, created_at)
    VALUES ($4, $9, $12, $13, $14, $15, $16::jsonb, $17, $18, $7)
    ON CONFLICT (change) DO UPDATE SET revision = $9, status = $12, category = $13, service = $14, release_at = $15,
      state = $16::jsonb, released_at = CASE WHEN $12 = 'released' THEN coalesce($17, changes.released_at) END,
      released_by = CASE WHEN $12 = 'released' THEN coalesce(changes.released_by, $18) END
  ),
  planned AS (${newNotices({ change: "$4", revision: "$9", releaseAt: "$15", from: 25 })})
  INSERT INTO revisions (change, revision, event, accepted_at, policy, lane, state, differs, reason, minor, verdict, planned_at)
  SELECT $4, $9, no, $7, $10, $19, $16::jsonb, $20::jsonb, $21, $22::bool, $23::jsonb, CASE WHEN $24::bool THEN now() END FROM event`;

/**
 * Records an event with the revision that it made and that one's notices, and makes it the change's latest: one statement, for
 * the reason above. Fails on `events_identity` when another process was first.
 */
export const insertAcceptedEvent = async (
  sql: Sql,
  { event, revision, policyHash, policy, notices }: Accepted,
): Promise<void> => {
  const { change } = revision;
  const released = change.status === "released";
  await sql.query({
    name: "insert-accepted-event",
    text: INSERT_ACCEPTED,
    values: [
      ...eventValues(event),
      change.revision,
      policyHash,
      policy && JSON.stringify(policy),
      change.status,
      change.fields.category,
      change.fields.service,
      revision.releaseAt,
      JSON.stringify(change),
      released ? revision.releasedAt : null,
      released ? "event" : null,
      revision.lane,
      JSON.stringify(revision.differs),
      revision.reason,
      revision.minor,
      JSON.stringify(revision.plan.verdict),
      notices !== null,
      ...noticeValues(notices ?? []),
    ],
  });
};
