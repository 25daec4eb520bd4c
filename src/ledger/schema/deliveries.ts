import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  date,
  index,
  integer,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
} from "drizzle-orm/pg-core";
import { changes } from "./changes.ts";
import { instant, number } from "./columns.ts";

/** One thing to say about one revision at one time; `change` is null for notices to a partner about itself. */
export const notices = pgTable(
  "notices",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    id: text("id").notNull().unique(),
    change: text("change").references(() => changes.change),
    revision: integer("revision"),
    kind: text("kind").notNull(),
    /** The policy's offset; null unless a reminder. */
    offset: text("offset"),
    lane: text("lane").notNull(),
    audience: text("audience").notNull(),
    /** The release date that it bears, for the minimum per partner. */
    releaseAt: instant("release_at"),
    dueAt: instant("due_at").notNull(),
    /** The day on which each partner gets it at its own hour; null when all get it at `due_at`. */
    day: date("day", { mode: "string" }),
    /** Early enough that every partner's own hour is still ahead. */
    fanOutAt: instant("fan_out_at").notNull(),
    status: text("status").notNull(),
    foldedInto: text("folded_into"),
    /** Fan-out goes through endpoints in order of `no`; this is the last one covered. */
    cursor: number("cursor").notNull().default(0),
    /** Of a notice that is no change's: the endpoint that it is for (`test`) or about (`endpoint-disabled`). */
    onlyEndpoint: number("only_endpoint"),
    /** Of an `endpoint-disabled` notice: why, without the endpoint's address, which must stay erasable. */
    reason: text("reason"),
    fanOutStartedAt: instant("fan_out_started_at"),
    fannedOutAt: instant("fanned_out_at"),
    doneAt: instant("done_at"),
    /** When it is due, the second contacts of partners who have said nothing get it too; done at `escalated_at`. */
    escalates: boolean("escalates").notNull().default(false),
    escalatedAt: instant("escalated_at"),
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("notices_change").on(t.change, t.revision),
    index("notices_open")
      .on(t.fanOutAt, t.no)
      .where(sql`status = 'planned' OR (status = 'sending' AND fanned_out_at IS NULL)`),
    index("notices_escalating").on(t.dueAt).where(sql`escalates AND escalated_at IS NULL`),
    index("notices_sending").on(t.no).where(sql`status = 'sending'`),
    check("notices_status", sql`${t.status} IN ('planned', 'sending', 'done', 'superseded', 'cancelled', 'folded')`),
    check("notices_audience", sql`${t.audience} IN ('all', 'told', 'untold')`),
  ],
);

/** Each fan-out window takes a thousand ids at once and numbers its chunks within them. */
export const chunkIds = pgSequence("chunk_ids", { startWith: 1000, increment: 1000 });

/** Up to about 200 deliveries of one lane and channel, sent by one job under one lease. */
export const chunks = pgTable(
  "chunks",
  {
    id: number("id").primaryKey(),
    lane: text("lane").notNull(),
    channel: text("channel").notNull(),
    /**
     * `queued` → `running` by the sender that takes the lease, → `done` when its deliveries are settled or given back.
     * `held` → `queued` by the sweep, once the change that it was held for goes on.
     */
    state: text("state").notNull().default("queued"),
    /** The change whose pause made it `held`: all its deliveries are of that one; null of others. */
    heldFor: text("held_for"),
    run: integer("run").notNull().default(0),
    leasedUntil: instant("leased_until"),
    /** When it was made, or queued after it was held. */
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("chunks_open").on(t.id).where(sql`state <> 'done'`),
    index("chunks_leased").on(t.leasedUntil).where(sql`state = 'running'`),
    index("chunks_held").on(t.lane, t.heldFor, t.id).where(sql`state = 'held'`),
    check("chunks_state", sql`${t.state} IN ('held', 'queued', 'running', 'done')`),
  ],
);

/**
 * Which notices the deliveries of a chunk are of, until the chunk is done: so that a notice's deliveries that still wait are
 * found by the chunks that will send them, and no index of `deliveries` has to change when one is settled.
 */
export const chunkNotices = pgTable(
  "chunk_notices",
  { chunk: number("chunk").notNull(), notice: number("notice").notNull() },
  (t) => [primaryKey({ columns: [t.chunk, t.notice] }), index("chunk_notices_notice").on(t.notice, t.chunk)],
);

/**
 * One notice to one endpoint. The first attempt is columns of the row; further ones are rows of `attempts`.
 *
 * A row is settled where it lies: nothing that settling changes is in an index or in an index's condition (but for the
 * summaries of `deliveries_sent`), and the migration leaves 55 % of each page free, so that PostgreSQL puts the new version
 * beside the old one and touches no index (a heap-only tuple). See ADR 12.
 */
export const deliveries = pgTable(
  "deliveries",
  {
    notice: number("notice").notNull(),
    endpoint: number("endpoint").notNull(),
    lane: text("lane").notNull(),
    channel: text("channel").notNull(),
    status: text("status").notNull().default("waiting"),
    reason: text("reason"),
    /** The chunk that will send it, or was the last to have it; 0 if it ended without one. Null while it waits for `due_at`. */
    chunk: number("chunk"),
    dueAt: instant("due_at").notNull(),
    sentAt: instant("sent_at"),
    attempts: smallint("attempts").notNull().default(0),
    firstAt: instant("first_at"),
    firstMs: integer("first_ms"),
    firstCode: smallint("first_code"),
    firstError: text("first_error"),
    firstAnswer: text("first_answer"),
  },
  (t) => [
    primaryKey({ columns: [t.notice, t.endpoint] }),
    index("deliveries_chunk").on(t.chunk).where(sql`chunk IS NOT NULL`),
    index("deliveries_due").on(t.lane, t.dueAt).where(sql`chunk IS NULL`),
    index("deliveries_unplaced").on(t.notice).where(sql`chunk IS NULL`),
    // Of 128 pages each the first and the last time: for sealing, which reads what lies between two times.
    index("deliveries_sent").using("brin", t.sentAt),
    check("deliveries_status", sql`${t.status} IN ('waiting', 'sent', 'failed', 'suppressed', 'skipped')`),
    check("deliveries_ended", sql`${t.chunk} IS NOT NULL OR ${t.status} = 'waiting'`),
  ],
);

/** Attempts after the first; insert-only. */
export const attempts = pgTable(
  "attempts",
  {
    notice: number("notice").notNull(),
    endpoint: number("endpoint").notNull(),
    attempt: smallint("attempt").notNull(),
    at: instant("at").notNull(),
    ms: integer("ms").notNull(),
    code: smallint("code"),
    error: text("error"),
    answer: text("answer"),
    /** When the row was committed; `at` is when the attempt began. */
    recordedAt: instant("recorded_at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.notice, t.endpoint, t.attempt] }), index("attempts_recorded").on(t.recordedAt)],
);

/**
 * Deliveries that are `sent` and are to be sent once more: here and not in `deliveries`, so that `sent` is never taken
 * back. A row goes when its attempt is recorded.
 */
export const replays = pgTable(
  "replays",
  {
    notice: number("notice").notNull(),
    endpoint: number("endpoint").notNull(),
    lane: text("lane").notNull(),
    channel: text("channel").notNull(),
    /** The chunk that will send it; null until the sweeper gives it one. */
    chunk: number("chunk"),
    dueAt: instant("due_at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.notice, t.endpoint] }), index("replays_chunk").on(t.chunk)],
);
