import { z } from "zod";
import { CHANGE_STATUSES } from "../../domain/change.ts";
import { NOTICE_KINDS, NOTICE_STATUSES } from "../../domain/notice.ts";
import { EVENT_STATUSES } from "../../ledger/event-views.ts";
import { verdict } from "./change.ts";
import { instant } from "./fields.ts";
import { problem } from "./problems.ts";

const count = z.int().min(0);

export const eventAnswer = z
  .object({
    change: z.string(),
    revision: z.int(),
    status: z.enum([...CHANGE_STATUSES, "held"]),
    verdict: verdict.nullable(),
    notices: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(NOTICE_KINDS),
        offset: z.string().nullable(),
        dueAt: z.string(),
        status: z.enum(NOTICE_STATUSES),
      }),
    ),
    outdated: z
      .array(
        z.object({
          field: z.string().describe("A field of the change, or `status`"),
          by: z
            .object({ time: instant, source: z.string(), id: z.string() })
            .describe("The newer event that had set it"),
        }),
      )
      .optional()
      .describe(
        "What of the event was not taken, because an event with a newer `time` had set it; absent when all was",
      ),
    recipients: z
      .object({ partners: count, email: count, webhook: count, unreachable: count })
      .optional()
      .describe("In a dry run"),
  })
  .meta({ id: "EventAnswer" });

/** One answer, or for a batch a list in order: an answer or a problem for each event. */
export const eventReply = z.union([eventAnswer, z.array(z.union([eventAnswer, problem]))]);

export const eventQuery = z.strictObject({
  dryRun: z.enum(["true", "false"], "is neither true nor false").default("false"),
  at: z.iso
    .datetime({ offset: true, error: "is not an RFC 3339 time with an offset; example: 2027-03-01T09:00:00Z" })
    .optional()
    .describe("In a dry run: answers as if the event came in then"),
});

export const storedEvent = z
  .object({
    no: z.int(),
    source: z.string().nullable(),
    id: z.string().nullable(),
    type: z.string().nullable(),
    change: z.string().nullable(),
    status: z.enum(EVENT_STATUSES),
    acceptedAt: instant,
    revision: z.int().nullable(),
    refusal: z
      .object({
        problem: z.string(),
        detail: z.string(),
        errors: z.array(z.object({ path: z.string(), message: z.string() })),
      })
      .optional(),
  })
  .meta({ id: "StoredEvent" });
