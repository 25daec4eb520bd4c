import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { EVENT_TYPE_PREFIX } from "../../domain/event.ts";
import { Problem } from "../../errors.ts";
import type { EventAnswer } from "../../flow/decide-event.ts";
import { EVENT_STATUSES, type EventView, listEvents } from "../../ledger/event-views.ts";
import { fromBinaryMode } from "../cloud-event.ts";
import { parseJson } from "../json-body.ts";
import { BATCH_EVENTS, BYTES } from "../limits.ts";
import type { HttpParts } from "../parts.ts";
import { type ProblemBody, problemBody } from "../problem.ts";
import type { Server } from "../route.ts";
import { eventQuery, eventReply, storedEvent } from "../shapes/event.ts";
import { listOf, PAGE, pageOf, readCursor } from "../shapes/lists.ts";
import { problems } from "../shapes/problems.ts";

const tags = ["events"];
const CREATION = `${EVENT_TYPE_PREFIX}created`;
const BATCH_TYPE = "application/cloudevents-batch+json";

/** Each content type with the most bytes it may carry. */
export const EVENT_TYPES: Record<string, number> = {
  "application/cloudevents+json": BYTES.event,
  [BATCH_TYPE]: BYTES.batch,
  "application/json": BYTES.event,
};

const mediaType = (request: FastifyRequest): string =>
  (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

const showEvent = ({ acceptedAt, refusal, ...row }: EventView) => ({
  ...row,
  acceptedAt: acceptedAt.toISOString(),
  ...(refusal === null ? {} : { refusal }),
});

/** Of an event that nobody has read yet: its type, and what decides whether another one has to wait for it. */
const saidBy = (envelope: unknown): { type: unknown; names: string[] } => {
  const { type, source, id, data } = (envelope ?? {}) as Record<string, unknown>;
  const { change } = (data ?? {}) as Record<string, unknown>;
  return { type, names: [JSON.stringify([change]), JSON.stringify([source, id])] };
};

type Reached = { kind: "answer"; answer: EventAnswer; duplicate: boolean } | { kind: "refused"; problem: Problem };

export const eventRoutes = (app: Server, { ledger, config, acceptEvent, previewEvent }: HttpParts): void => {
  const reach = async (envelope: unknown, preview: { at: string | null } | null): Promise<Reached> => {
    if (preview) {
      const outcome = await previewEvent(envelope, preview.at);
      return outcome.kind === "planned" ? { kind: "answer", answer: outcome.answer, duplicate: false } : outcome;
    }
    const outcome = await acceptEvent(envelope);
    return outcome.kind === "accepted" ? { ...outcome, kind: "answer" } : outcome;
  };

  const reachAll = async (body: unknown, preview: { at: string | null } | null): Promise<Reached[]> => {
    if (!Array.isArray(body)) throw new Problem("malformed", "a batch is a JSON list of events");
    if (body.length > BATCH_EVENTS)
      throw new Problem(
        "too-large",
        `a batch holds at most ${BATCH_EVENTS} events, and this one ${body.length}; split it`,
      );
    // What creates changes goes together; one after the other, events of one change or identity keep their order.
    const reached: Promise<Reached>[] = [];
    const named = new Set<string>();
    for (const envelope of body) {
      const { type, names } = saidBy(envelope);
      const isCreation = type === CREATION;
      if (!isCreation || names.some((name) => named.has(name))) await Promise.all(reached);
      for (const name of names) named.add(name);
      reached.push(reach(envelope, preview));
      if (!isCreation) await reached.at(-1);
    }
    return Promise.all(reached);
  };

  const show = (reached: Reached): EventAnswer | ProblemBody =>
    reached.kind === "answer" ? reached.answer : problemBody(reached.problem, config.publicUrl);

  /** 202 (a dry run: 200) when every event was accepted, 207 when the list holds refusals too. */
  const answerBatch = (reply: FastifyReply, reached: readonly Reached[], success: 200 | 202) => {
    const whole = reached.every((it) => it.kind === "answer");
    return reply.code(whole ? success : 207).send(reached.map(show));
  };

  app.post(
    "/v1/events",
    {
      config: { access: "emit", takes: `64 KiB an event, ${BATCH_EVENTS} events a batch` },
      schema: {
        tags,
        summary: "Announce, change, cancel or release a change",
        description:
          "CloudEvents 1.0 in structured, batch or binary mode. An event that came before is answered as it was then, with the header `forewarn-duplicate: true`. With `dryRun=true` nothing is stored.",
        querystring: eventQuery,
        response: {
          200: eventReply.describe("A dry run"),
          202: eventReply.describe("Accepted: a promise"),
          207: eventReply.describe("A batch, some of whose events were refused"),
          ...problems("malformed", "conflict", "too-large", "unsupported-media-type", "invalid"),
        },
      },
    },
    async (request, reply) => {
      const { dryRun, at } = request.query;
      if (at !== undefined && dryRun === "false")
        throw new Problem("invalid", "the query is not valid", [
          { path: "at", message: "is for dry runs only; add dryRun=true or leave it out" },
        ]);
      const preview = dryRun === "true" ? { at: at ?? null } : null;
      const success = preview ? 200 : 202;
      const type = mediaType(request);
      if (type === BATCH_TYPE) return answerBatch(reply, await reachAll(request.body, preview), success);
      if (!(type in EVENT_TYPES))
        throw new Problem(
          "unsupported-media-type",
          `this call does not read ${type || "a body without a content type"}; send an event as ${Object.keys(EVENT_TYPES).join(", ")}`,
        );
      const envelope = type === "application/json" ? fromBinaryMode(request.headers, request.body) : request.body;
      const reached = await reach(envelope, preview);
      if (reached.kind === "refused") throw reached.problem;
      if (reached.duplicate) reply.header("forewarn-duplicate", "true");
      return reply.code(success).send(reached.answer);
    },
  );

  app.get(
    "/v1/events",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Events as they came, newest first; refused ones from the queue say why",
        querystring: z.strictObject({
          status: z.enum(EVENT_STATUSES, `is not a status; use one of ${EVENT_STATUSES.join(", ")}`).optional(),
          ...PAGE,
        }),
        response: { 200: listOf(storedEvent), ...problems("invalid") },
      },
    },
    async ({ query: { limit, cursor, status } }) => {
      const [before] = readCursor(cursor, [Number.MAX_SAFE_INTEGER] as [number]);
      const rows = await listEvents(ledger.pools.routine, status, before, limit + 1);
      return pageOf(rows, limit, (row) => [row.no], showEvent);
    },
  );
};

/** Readers of the three content types, for the events' own part of the server. */
export const readEventTypes = (app: Server): void => {
  app.removeAllContentTypeParsers();
  for (const [type, bodyLimit] of Object.entries(EVENT_TYPES))
    app.addContentTypeParser(type, { parseAs: "buffer", bodyLimit }, async (_request: FastifyRequest, body: Buffer) =>
      parseJson(body),
    );
};
