import { storableJson, storableText } from "../domain/storable.ts";
import type { Sql } from "./connection.ts";

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
