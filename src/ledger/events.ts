import { storableJson, storableText } from "../domain/storable.ts";
import type { Sql } from "./connection.ts";

export type StoredEvent = { no: number; status: "accepted" | "held" | "refused"; bodyHash: Buffer; answer: unknown };

/** The event that was accepted or held under this identity; null when there is none. */
export const findEvent = async (sql: Sql, source: string, id: string): Promise<StoredEvent | null> => {
  const { rows } = await sql.query<StoredEvent>({
    name: "find-event",
    text: `SELECT no, status, body_hash AS "bodyHash", answer FROM events WHERE source = $1 AND id = $2 AND status <> 'refused'`,
    values: [source, id],
  });
  return rows[0] ?? null;
};

export type NewEvent = {
  source: string;
  id: string;
  type: string;
  change: string;
  bodyHash: Buffer;
  envelope: unknown;
  status: "accepted" | "held";
  acceptedAt: string;
  revision: number | null;
  answer: unknown;
};

/** Records an event; fails on `events_identity` when another process was first. */
export const insertEvent = async (sql: Sql, event: NewEvent): Promise<number> => {
  const { rows } = await sql.query<{ no: number }>({
    name: "insert-event",
    text: `INSERT INTO events (source, id, type, change, body_hash, envelope, status, accepted_at, revision, answer)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING no`,
    values: [
      event.source,
      event.id,
      event.type,
      event.change,
      event.bodyHash,
      JSON.stringify(event.envelope),
      event.status,
      event.acceptedAt,
      event.revision,
      JSON.stringify(event.answer),
    ],
  });
  return rows[0]?.no ?? 0;
};

/** Envelopes that wait for the creation of their change, in order of arrival. */
export const heldEvents = async (sql: Sql, change: string): Promise<{ no: number; envelope: unknown }[]> => {
  const { rows } = await sql.query<{ no: number; envelope: unknown }>(
    `SELECT no, envelope FROM events WHERE change = $1 AND status = 'held' ORDER BY no`,
    [change],
  );
  return rows;
};

/** Held events became part of the revision that created their change. */
export const releaseHeldEvents = async (sql: Sql, nos: readonly number[], revision: number): Promise<void> => {
  await sql.query(`UPDATE events SET status = 'accepted', revision = $2 WHERE no = ANY($1)`, [nos, revision]);
};

/** Keeps what can be kept of an event from the queue that was refused, with the reason, for `GET /v1/events?status=refused`. */
export const insertRefusedEvent = async (
  sql: Sql,
  refused: { envelope: unknown; bodyHash: Buffer; refusal: unknown },
): Promise<void> => {
  const attribute = (name: string): string | null => {
    const value =
      refused.envelope !== null && typeof refused.envelope === "object" ? Reflect.get(refused.envelope, name) : null;
    return typeof value === "string" ? storableText(value) : null;
  };
  await sql.query(
    `INSERT INTO events (source, id, type, body_hash, envelope, status, refusal) VALUES ($1, $2, $3, $4, $5, 'refused', $6)`,
    [
      attribute("source"),
      attribute("id"),
      attribute("type"),
      refused.bodyHash,
      storableJson(refused.envelope),
      storableJson(refused.refusal),
    ],
  );
};
