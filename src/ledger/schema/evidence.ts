import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, smallint, text, uniqueIndex } from "drizzle-orm/pg-core";
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
