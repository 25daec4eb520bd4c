import { z } from "zod";
import { CHANNELS } from "../../domain/category.ts";
import { OBLIGATIONS, RUNGS } from "../../domain/obligation.ts";
import { ACKNOWLEDGEMENT_STATUSES } from "../../ledger/acknowledgements.ts";
import { ENDPOINT_STATUSES } from "../../ledger/endpoints.ts";
import { id, instant, line } from "./fields.ts";

const MAX_NAME = 200;
const MAX_TEXT = 2_000;

/** Text of several lines, as people write it: no control characters but line breaks. */
const block = (what: string) =>
  z
    .string(`is missing; ${what}`)
    .trim()
    .min(1, `is empty; ${what}`)
    .max(MAX_TEXT, `is longer than ${MAX_TEXT} characters; shorten it`)
    .refine(
      // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
      (text) => text.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text),
      "holds control characters; remove them",
    );

const status = z.enum(ACKNOWLEDGEMENT_STATUSES, `is not one of ${ACKNOWLEDGEMENT_STATUSES.join(", ")}`);

export const newAcknowledgement = z
  .strictObject({
    partner: id("partner"),
    revision: z.int("is not a number; give the revision that was read").describe("The revision that was read"),
    status,
    by: line(MAX_NAME).describe("Who says so"),
    note: block("leave it out, or say something").optional(),
  })
  .meta({ id: "NewAcknowledgement" });

export const acknowledgement = z
  .object({
    change: z.string(),
    partner: z.string(),
    revision: z.int(),
    status,
    by: z.string(),
    note: z.string().optional(),
    at: instant,
  })
  .meta({ id: "Acknowledgement" });

export const newWaiver = z
  .strictObject({
    by: line(MAX_NAME).describe("The person who decides"),
    reason: block("say why the minimum need not be kept"),
    partner: id("partner").optional().describe("Only for this partner; absent: for all"),
  })
  .meta({ id: "NewWaiver" });

export const waiver = z
  .object({ change: z.string(), partner: z.string().optional(), by: z.string(), reason: z.string(), at: instant })
  .meta({ id: "Waiver" });

export const seal = z
  .object({ no: z.int(), at: instant, through: instant, seal: z.string().describe("SHA-256 in hexadecimal") })
  .meta({ id: "Seal", description: "Keep one elsewhere: nothing before it can be altered unseen" });

export const verifiedSeals = z
  .object({
    intact: z.boolean(),
    seals: z.int(),
    rows: z.int(),
    through: instant.nullable().describe("Up to when the ledger was checked"),
    faults: z.array(
      z.object({
        seal: z.int(),
        what: z.enum(["altered", "added", "removed", "seal"]),
        row: z.string().nullable().describe("The row; null: a seal itself was touched"),
      }),
    ),
    next: z.int().nullable().describe("Give it as `after` to check on"),
  })
  .meta({ id: "VerifiedSeals" });

const count = z.int().min(0);

export const partnerProof = z
  .object({
    partner: z.string(),
    obligation: z.enum(OBLIGATIONS),
    toldAt: instant.nullable().describe("The earliest that was sent and bore the present date"),
    channel: z.enum(CHANNELS).nullable(),
    rung: z.enum(RUNGS).nullable().describe("How we know: the highest"),
    evidence: z
      .object({ accepted: instant.optional(), delivered: instant.optional(), acknowledged: instant.optional() })
      .describe("When each rung was reached first"),
    noticeDays: z.int().nullable(),
    noticeMonths: z.int().nullable(),
    acknowledgement: acknowledgement.omit({ change: true, partner: true }).optional(),
    waiver: waiver.omit({ change: true, partner: true }).optional(),
    reason: z.string().optional(),
    unreachable: z.literal(true).optional(),
    closed: z
      .array(z.object({ endpoint: z.string(), channel: z.enum(CHANNELS), status: z.enum(ENDPOINT_STATUSES) }))
      .optional()
      .describe("Endpoints that take nothing any more"),
  })
  .meta({ id: "PartnerProof" });

export const proof = z
  .object({
    change: z.string(),
    revision: z.int(),
    title: z.string(),
    status: z.string(),
    releaseAt: z.string().nullable(),
    minimum: z.string().nullable(),
    zone: z.string(),
    at: instant,
    seal: seal.nullable(),
    partners: z.array(partnerProof),
    totals: z.object({
      partners: count,
      met: count,
      breached: count,
      waived: count,
      pending: count,
      unreachable: count,
    }),
  })
  .meta({ id: "Proof" });

export const takenBounce = z
  .object({
    matched: z.boolean().describe("Whether it is on a mail of ours"),
    bounces: z
      .array(
        z.object({
          delivery: z.string(),
          endpoint: z.string(),
          partner: z.string(),
          kind: z.enum(["hard", "soft", "none"]),
          status: z.string().describe("RFC 3463"),
        }),
      )
      .optional(),
    unsubscribed: z
      .object({ endpoint: z.string(), partner: z.string() })
      .optional()
      .describe("It was a mail to the address of `List-Unsubscribe`: this endpoint gets no more"),
  })
  .meta({ id: "TakenBounce" });
