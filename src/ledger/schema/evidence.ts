import { sql } from "drizzle-orm";
import { check, index, integer, jsonb, pgTable, smallint, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
import { changes } from "./changes.ts";
import { partners } from "./parties.ts";
import { bytes, instant, number } from "./columns.ts";

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

/**
 * What the provider's own contact is to be told, a row per channel: written with the fact that it tells of, and sent until
 * the other side takes it.
 */
export const providerAlerts = pgTable(
  "provider_alerts",
  {
    no: number("no").primaryKey().generatedAlwaysAsIdentity(),
    channel: text("channel").notNull(),
    kind: text("kind").notNull(),
    change: text("change")
      .notNull()
      .references(() => changes.change),
    subject: text("subject").notNull(),
    body: text("body").notNull(),
    /** domain/provider-alert.ts ProviderAlert.facts */
    facts: jsonb("facts").notNull(),
    /** One fact is told once, however often it is found. */
    dedupe: text("dedupe").notNull(),
    /** `waiting` → `sent`, or `refused`: a webhook that answers 410 wants no more of it. */
    status: text("status").notNull().default("waiting"),
    attempts: smallint("attempts").notNull().default(0),
    /** When it may be tried: now, after a failure later, and while one process sends it after that one's patience. */
    dueAt: instant("due_at").notNull().defaultNow(),
    error: text("error"),
    createdAt: instant("created_at").notNull().defaultNow(),
    endedAt: instant("ended_at"),
  },
  (t) => [
    unique("provider_alerts_fact").on(t.dedupe, t.channel),
    index("provider_alerts_due").on(t.channel, t.dueAt).where(sql`status = 'waiting'`),
    check("provider_alerts_channel", sql`${t.channel} IN ('email', 'webhook')`),
    check("provider_alerts_status", sql`${t.status} IN ('waiting', 'sent', 'refused')`),
  ],
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
