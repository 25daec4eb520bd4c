import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { services } from "./parties.ts";
import { bytes, instant, number } from "./columns.ts";

/** Policies that ever governed a revision, by the SHA-256 of their canonical JSON. */
export const policies = pgTable("policies", {
  hash: text("hash").primaryKey(),
  policy: jsonb("policy").notNull(),
  firstUsedAt: instant("first_used_at").notNull().defaultNow(),
});

/** The latest state of each change; its history is `revisions`. */
export const changes = pgTable(
  "changes",
  {
    change: text("change").primaryKey(),
    revision: integer("revision").notNull(),
    status: text("status").notNull(),
    category: text("category").notNull(),
    service: text("service")
      .notNull()
      .references(() => services.service),
    releaseAt: instant("release_at"),
    /** domain/change.ts Change, whole. */
    state: jsonb("state").notNull(),
    pausedAt: instant("paused_at"),
    releasedAt: instant("released_at"),
    /** `event` or `schedule`. */
    releasedBy: text("released_by"),
    /** From when its minimum wants the provider's attention; null: never, or no more. */
    attentionAt: instant("attention_at"),
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("changes_release").on(t.releaseAt).where(sql`status IN ('announced', 'recorded')`),
    index("changes_attention").on(t.attentionAt).where(sql`attention_at IS NOT NULL`),
    index("changes_service").on(t.service),
    check("changes_status", sql`${t.status} IN ('announced', 'recorded', 'released', 'cancelled')`),
  ],
);

/** Every event as it came: accepted ones once per source and id, held ones until their change is created, refused ones from the queue. */
export const events = pgTable(
  "events",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    /** Null only in refused events that lack it. */
    source: text("source"),
    id: text("id"),
    type: text("type"),
    change: text("change"),
    /** SHA-256 of the canonical JSON of the envelope. */
    bodyHash: bytes("body_hash").notNull(),
    envelope: jsonb("envelope").notNull(),
    status: text("status").notNull(),
    acceptedAt: instant("accepted_at").notNull().defaultNow(),
    revision: integer("revision"),
    /** The first answer, given again to duplicates. */
    answer: jsonb("answer"),
    /** Why it was refused: `{problem, detail, errors}`. */
    refusal: jsonb("refusal"),
  },
  (t) => [
    uniqueIndex("events_identity").on(t.source, t.id).where(sql`status <> 'refused'`),
    index("events_held").on(t.change).where(sql`status = 'held'`),
    index("events_refused").on(t.no).where(sql`status = 'refused'`),
    check("events_status", sql`${t.status} IN ('accepted', 'held', 'refused')`),
  ],
);

/** A change as each accepted event left it. `planned_at` is null until its notices are stored. */
export const revisions = pgTable(
  "revisions",
  {
    change: text("change")
      .notNull()
      .references(() => changes.change),
    revision: integer("revision").notNull(),
    event: number("event").notNull(),
    acceptedAt: instant("accepted_at").notNull(),
    policy: text("policy")
      .notNull()
      .references(() => policies.hash),
    lane: text("lane").notNull(),
    /** domain/change.ts Change, whole, at this revision. */
    state: jsonb("state").notNull(),
    /** Former values of what it changed. */
    differs: jsonb("differs").notNull(),
    reason: text("reason"),
    minor: boolean("minor").notNull().default(false),
    verdict: jsonb("verdict").notNull(),
    plannedAt: instant("planned_at"),
  },
  (t) => [
    primaryKey({ columns: [t.change, t.revision] }),
    index("revisions_accepted").on(t.acceptedAt),
    index("revisions_unplanned").on(t.acceptedAt).where(sql`planned_at IS NULL`),
  ],
);
