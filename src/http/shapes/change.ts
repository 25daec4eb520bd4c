import { z } from "zod";
import { CATEGORIES, CHANNELS, LANES } from "../../domain/category.ts";
import { CHANGE_STATUSES } from "../../domain/change.ts";
import { DELIVERY_STATUSES } from "../../domain/delivery.ts";
import { NOTICE_KINDS, NOTICE_STATUSES } from "../../domain/notice.ts";
import { instant } from "./fields.ts";

export const verdict = z
  .object({
    status: z.enum(["none", "met", "short", "waived"]),
    minimum: z.string().nullable(),
    noticeDays: z.int().nullable(),
    noticeMonths: z.int().nullable(),
    shortByDays: z.int(),
    earliestRelease: z.string().nullable(),
  })
  .meta({ id: "Verdict", description: "A forecast, as if every partner were told at acceptance" });

const count = z.int().min(0);
const counts = z.object({ waiting: count, sent: count, failed: count, suppressed: count, skipped: count });

export const notice = z
  .object({
    id: z.string(),
    kind: z.enum(NOTICE_KINDS),
    offset: z.string().nullable(),
    lane: z.enum(LANES),
    dueAt: instant,
    status: z.enum(NOTICE_STATUSES),
    revision: z.int().nullable(),
    foldedInto: z.string().optional(),
    counts: z.object({ email: counts, webhook: counts }),
  })
  .meta({ id: "Notice" });

const summary = {
  change: z.string(),
  revision: z.int(),
  status: z.enum(CHANGE_STATUSES),
  category: z.enum(CATEGORIES),
  service: z.string(),
  businessCritical: z.boolean(),
  title: z.string(),
  summary: z.string().optional(),
  details: z.string().optional(),
  releaseAt: z.string().optional(),
  testFrom: z.string().optional(),
  action: z.string().optional(),
  affects: z.array(z.string()).optional(),
  links: z.array(z.object({ rel: z.string(), href: z.string(), title: z.string().optional() })).optional(),
  contact: z.string().optional(),
  releasedAt: instant.optional(),
  pausedAt: instant.optional(),
  verdict,
};

export const changeSummary = z.object(summary).meta({ id: "ChangeSummary" });

export const change = z
  .object({
    ...summary,
    unreachable: z
      .object({ count, partners: z.array(z.string()).describe("The first hundred by id; the proof has them all") })
      .describe("Partners whom the change concerns and no endpoint of theirs reaches"),
    notices: z.array(notice),
    revisions: z.array(
      z.object({
        revision: z.int(),
        at: instant,
        event: z.string().describe("The event's id"),
        source: z.string(),
        type: z.string(),
        reason: z.string().optional(),
        minor: z.boolean(),
        differs: z.record(z.string(), z.unknown()).describe("Former values of what it changed"),
        verdict,
      }),
    ),
  })
  .meta({ id: "Change" });

const delivered = {
  delivery: z.string(),
  notice: z.string(),
  change: z.string().nullable(),
  partner: z.string(),
  endpoint: z.string(),
  channel: z.enum(CHANNELS),
  lane: z.enum(LANES),
  status: z.enum(DELIVERY_STATUSES),
  reason: z.string().optional(),
  dueAt: instant,
  sentAt: instant.nullable(),
};

export const deliverySummary = z.object({ ...delivered, attempts: z.int() }).meta({ id: "DeliverySummary" });

const attempts = z.array(
  z.object({
    at: instant,
    ms: z.int(),
    code: z.int().nullable(),
    error: z.string().optional(),
    answer: z.string().optional(),
  }),
);

export const delivery = z.object({ ...delivered, attempts }).meta({ id: "Delivery" });

/** What the first attempt of a test notice came to. */
export const sentTest = z
  .object({
    delivery: delivered.delivery,
    status: delivered.status,
    reason: delivered.reason,
    attempts,
  })
  .meta({ id: "SentTest" });

const held = { paused: z.boolean(), pausedAt: instant.nullable() };

export const pause = z.object(held).meta({ id: "Pause" });

export const pauses = z
  .object({
    ...held,
    waiting: count.describe("Deliveries that would go out now if nothing were paused, to 10,000"),
    changes: z
      .array(z.object({ change: z.string(), pausedAt: instant }))
      .describe("Changes that are paused by themselves; the first thousand by id"),
  })
  .meta({ id: "Pauses" });
