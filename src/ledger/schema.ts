import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  date,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from "drizzle-orm/pg-core";

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 });
const bytes = customType<{ data: Buffer }>({ dataType: () => "bytea" });
const number = (name: string) => bigint(name, { mode: "number" });

/** What partners subscribe to and changes belong to. */
export const services = pgTable("services", {
  service: text("service").primaryKey(),
  title: text("title").notNull(),
  businessCritical: boolean("business_critical").notNull().default(false),
  createdAt: instant("created_at").notNull().defaultNow(),
});

/** Who must be told. A deleted partner keeps its row (`left_at`), without its name: the proof keeps its id. */
export const partners = pgTable("partners", {
  partner: text("partner").primaryKey(),
  name: text("name").notNull(),
  locale: text("locale").notNull().default("en"),
  timeZone: text("time_zone").notNull().default("UTC"),
  holidays: date("holidays", { mode: "string" }).array().notNull().default([]),
  /** Service ids, or `*`. */
  subscriptions: text("subscriptions").array().notNull().default(["*"]),
  /** Links to the partner's pages of an earlier epoch open nothing. */
  pageEpoch: integer("page_epoch").notNull().default(0),
  joinedAt: instant("joined_at").notNull().defaultNow(),
  leftAt: instant("left_at"),
});

/** One way to reach a partner. The public id is `ep_<no>`. */
export const endpoints = pgTable(
  "endpoints",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    partner: text("partner")
      .notNull()
      .references(() => partners.partner),
    channel: text("channel").notNull(),
    /** Erased (empty) once deleted; the row stays for the proof. */
    address: text("address").notNull(),
    role: text("role").notNull().default("primary"),
    status: text("status").notNull().default("active"),
    /** AES-256-GCM under a key derived from FOREWARN_SECRET; null for mail. */
    secretSealed: bytes("secret_sealed"),
    formerSecretSealed: bytes("former_secret_sealed"),
    formerSecretUntil: instant("former_secret_until"),
    /** First failure since the last success, and how many deliveries in a row used up their retries. */
    failingSince: instant("failing_since"),
    exhausted: smallint("exhausted").notNull().default(0),
    /** New, subscribed anew or enabled again: the sweeper tells it of the changes that were announced before. */
    unwelcomed: boolean("unwelcomed").notNull().default(true),
    createdAt: instant("created_at").notNull().defaultNow(),
    deletedAt: instant("deleted_at"),
  },
  (t) => [
    uniqueIndex("endpoints_address").on(t.partner, t.channel, t.address).where(sql`deleted_at IS NULL`),
    index("endpoints_mailbox").on(sql`lower(address)`).where(sql`channel = 'email' AND deleted_at IS NULL`),
    index("endpoints_partner").on(t.partner),
    index("endpoints_unwelcomed").on(t.no).where(sql`unwelcomed`),
    check("endpoints_channel", sql`${t.channel} IN ('email', 'webhook')`),
    check("endpoints_role", sql`${t.role} IN ('primary', 'escalation')`),
    check("endpoints_status", sql`${t.status} IN ('active', 'disabled', 'bounced', 'unsubscribed')`),
  ],
);

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
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("changes_release").on(t.releaseAt).where(sql`status IN ('announced', 'recorded')`),
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
    index("notices_open").on(t.no).where(sql`status = 'planned' OR (status = 'sending' AND fanned_out_at IS NULL)`),
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
    /** `queued` → `running` by the sender that takes the lease, → `done` when its deliveries are settled or given back. */
    state: text("state").notNull().default("queued"),
    run: integer("run").notNull().default(0),
    leasedUntil: instant("leased_until"),
    createdAt: instant("created_at").notNull().defaultNow(),
  },
  (t) => [
    index("chunks_open").on(t.id).where(sql`state <> 'done'`),
    index("chunks_leased").on(t.leasedUntil).where(sql`state = 'running'`),
    check("chunks_state", sql`${t.state} IN ('queued', 'running', 'done')`),
  ],
);

/** One notice to one endpoint. The first attempt is columns of the row; further ones are rows of `attempts`. */
export const deliveries = pgTable(
  "deliveries",
  {
    notice: number("notice").notNull(),
    endpoint: number("endpoint").notNull(),
    lane: text("lane").notNull(),
    channel: text("channel").notNull(),
    status: text("status").notNull().default("waiting"),
    reason: text("reason"),
    /** The chunk that will send it; null while it waits for `due_at`. */
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
    index("deliveries_chunk").on(t.chunk).where(sql`status = 'waiting' AND chunk IS NOT NULL`),
    index("deliveries_due").on(t.lane, t.dueAt).where(sql`status = 'waiting' AND chunk IS NULL`),
    index("deliveries_waiting").on(t.notice).where(sql`status = 'waiting'`),
    // Batches settle under one clock reading, so this stays small: equal times share an entry.
    index("deliveries_sent").on(t.sentAt).where(sql`status = 'sent'`),
    check("deliveries_status", sql`${t.status} IN ('waiting', 'sent', 'failed', 'suppressed', 'skipped')`),
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

/** What mail servers said later of a delivery that a relay had taken (RFC 3464); insert-only. */
export const bounces = pgTable(
  "bounces",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    notice: number("notice").notNull(),
    endpoint: number("endpoint").notNull(),
    /** `hard`: the mail never arrived, and the address takes none. `soft`: it did not arrive, another may. */
    kind: text("kind").notNull(),
    /** RFC 3463, `5.1.1`. */
    code: text("code").notNull(),
    diagnostic: text("diagnostic"),
    at: instant("at").notNull().defaultNow(),
  },
  (t) => [
    uniqueIndex("bounces_delivery").on(t.notice, t.endpoint, t.kind, t.code),
    index("bounces_at").on(t.at),
    check("bounces_kind", sql`${t.kind} IN ('hard', 'soft')`),
  ],
);

/** A partner's word on a change, pinned to the revision it was said of. */
export const acknowledgements = pgTable(
  "acknowledgements",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    change: text("change")
      .notNull()
      .references(() => changes.change),
    partner: text("partner")
      .notNull()
      .references(() => partners.partner),
    revision: integer("revision").notNull(),
    status: text("status").notNull(),
    by: text("by").notNull(),
    note: text("note"),
    at: instant("at").notNull().defaultNow(),
  },
  (t) => [
    index("acknowledgements_change").on(t.change, t.partner),
    index("acknowledgements_at").on(t.at),
    check("acknowledgements_status", sql`${t.status} IN ('seen', 'ready', 'needs-help')`),
  ],
);

/** A named person's decision that a minimum need not be kept, for a change or for one partner of it. */
export const waivers = pgTable(
  "waivers",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    change: text("change")
      .notNull()
      .references(() => changes.change),
    partner: text("partner").references(() => partners.partner),
    by: text("by").notNull(),
    reason: text("reason").notNull(),
    at: instant("at").notNull().defaultNow(),
  },
  (t) => [index("waivers_change").on(t.change, t.partner), index("waivers_at").on(t.at)],
);

/** What the provider's own contact is to be told by mail; written with the fact that it tells of, and sent until it is taken. */
export const providerMails = pgTable(
  "provider_mails",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    kind: text("kind").notNull(),
    subject: text("subject").notNull(),
    body: text("body").notNull(),
    /** One fact is told once, however often it is found. */
    dedupe: text("dedupe").notNull().unique(),
    attempts: smallint("attempts").notNull().default(0),
    /** When it may be tried: now, after a failure later, and while one process sends it after that one's patience. */
    dueAt: instant("due_at").notNull().defaultNow(),
    error: text("error"),
    createdAt: instant("created_at").notNull().defaultNow(),
    sentAt: instant("sent_at"),
  },
  (t) => [index("provider_mails_due").on(t.dueAt).where(sql`sent_at IS NULL`)],
);

/** About each minute one SHA-256 over what is new in the ledger and the previous seal. */
export const seals = pgTable("seals", {
  no: number("no").primaryKey().generatedAlwaysAsIdentity(),
  at: instant("at").notNull().defaultNow(),
  /** It covers the rows recorded after the previous seal's `through`, up to this. */
  through: instant("through").notNull(),
  rows: integer("rows").notNull(),
  previous: bytes("previous"),
  seal: bytes("seal").notNull(),
  /** Eight bytes a row and the rows' names (deflated), so that a row that was altered can be named. */
  digests: bytes("digests").notNull(),
  names: bytes("names").notNull(),
});

/** API keys: the key itself is shown once and only its SHA-256 is kept. */
export const keys = pgTable(
  "keys",
  {
    key: text("key").primaryKey(),
    name: text("name").notNull(),
    hash: bytes("hash").notNull(),
    scopes: text("scopes").array().notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    revokedAt: instant("revoked_at"),
  },
  (t) => [unique("keys_hash").on(t.hash)],
);

/** One row: what holds for the whole installation. */
export const installation = pgTable(
  "installation",
  {
    one: boolean("one").primaryKey().default(true),
    pausedAt: instant("paused_at"),
  },
  (t) => [check("installation_one", sql`${t.one}`)],
);
