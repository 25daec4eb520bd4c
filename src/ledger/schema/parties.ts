import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  date,
  index,
  integer,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { bytes, instant, number } from "./columns.ts";

/** What partners subscribe to and changes belong to. */
export const services = pgTable("services", {
  service: text("service").primaryKey(),
  title: text("title").notNull(),
  businessCritical: boolean("business_critical").notNull().default(false),
  createdAt: instant("created_at").notNull().defaultNow(),
});

/** Who must be told. A deleted partner keeps its row (`left_at`), without its name: the proof keeps its id. */
export const partners = pgTable(
  "partners",
  {
    partner: text("partner").primaryKey(),
    name: text("name").notNull(),
    locale: text("locale").notNull().default("en"),
    timeZone: text("time_zone").notNull().default("UTC"),
    holidays: date("holidays", { mode: "string" }).array().notNull().default([]),
    /** Service ids, or `*`. */
    subscriptions: text("subscriptions").array().notNull().default(["*"]),
    /** Links to the partner's pages of an earlier epoch open nothing. */
    pageEpoch: integer("page_epoch").notNull().default(0),
    /** Whether an endpoint was ever added: those without one are found by index, as endpoints that take nothing are. */
    hadEndpoints: boolean("had_endpoints").notNull().default(false),
    joinedAt: instant("joined_at").notNull().defaultNow(),
    leftAt: instant("left_at"),
  },
  (t) => [index("partners_without_endpoints").on(t.partner).where(sql`NOT had_endpoints AND left_at IS NULL`)],
);

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
    /** New or subscribed anew: the sweeper tells it of the changes that were announced before. */
    unwelcomed: boolean("unwelcomed").notNull().default(true),
    createdAt: instant("created_at").notNull().defaultNow(),
    deletedAt: instant("deleted_at"),
  },
  (t) => [
    uniqueIndex("endpoints_address").on(t.partner, t.channel, t.address).where(sql`deleted_at IS NULL`),
    index("endpoints_mailbox").on(sql`lower(address)`).where(sql`channel = 'email' AND deleted_at IS NULL`),
    index("endpoints_partner").on(t.partner),
    index("endpoints_not_reaching")
      .on(t.partner)
      .where(sql`status <> 'active' OR role <> 'primary' OR deleted_at IS NOT NULL`),
    index("endpoints_unwelcomed").on(t.no).where(sql`unwelcomed`),
    check("endpoints_channel", sql`${t.channel} IN ('email', 'webhook')`),
    check("endpoints_role", sql`${t.role} IN ('primary', 'escalation')`),
    check("endpoints_status", sql`${t.status} IN ('active', 'disabled', 'bounced', 'unsubscribed')`),
  ],
);

/**
 * Which endpoints' partners follow a service (`*`: all), so that a notice to a few of many finds them by index. Triggers of
 * `partners` and `endpoints` keep it (last of the migration), whoever writes those; rows of endpoints that are deleted stay.
 */
export const followers = pgTable(
  "followers",
  {
    service: text("service").notNull(),
    endpoint: number("endpoint").notNull(),
  },
  (t) => [primaryKey({ columns: [t.service, t.endpoint] })],
);

/** API keys: the key itself is shown once and only its SHA-256 is kept. */
export const keys = pgTable(
  "keys",
  {
    key: text("key").primaryKey(),
    name: text("name").notNull(),
    hash: bytes("hash").notNull(),
    scopes: text("scopes").array().notNull(),
    /** FOREWARN_ADMIN_KEY named it: it is revoked when the variable names another one. */
    fromVariable: boolean("from_variable").notNull().default(false),
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
