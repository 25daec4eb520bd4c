import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { addCalendar, dayOf } from "../../src/domain/calendar.ts";
import { makeAcceptEvent } from "../../src/flow/accept-event.ts";
import type { EventAnswer } from "../../src/flow/decide-event.ts";
import { makePlanNotices, type PlanNotices } from "../../src/flow/plan-notices.ts";
import { makePreviewEvent } from "../../src/flow/preview-event.ts";
import { openApi, type TestApi } from "../support/api.ts";
import { envelope, type Pipeline, startPipeline } from "../support/pipeline.ts";

/** Random lives of changes, over HTTP: what was answered is what is stored, however the events came. */
const LIVES = 200;
const ZONE = "Europe/Paris";

let pipeline: Pipeline;
let api: TestApi;
let plan: PlanNotices;

before(async () => {
  pipeline = await startPipeline({ running: false });
  await pipeline.addService("payments", true);
  await pipeline.addService("reports");
  await pipeline.addPartner("acme", ["email"]);
  const { parts } = pipeline;
  api = await openApi({
    ledger: parts.ledger,
    acceptEvent: makeAcceptEvent(parts),
    previewEvent: makePreviewEvent(parts),
  });
  // What is due at once stays unsent, so that the plan is seen as it was stored.
  plan = makePlanNotices({ ...parts, fanOutNotice: async () => ({ kind: "done" }) as never });
});

const today = (): string => dayOf(new Date(), ZONE);

/** A date from a week ago to half a year ahead: bare, with a time, or with an offset. */
const releaseAt = fc
  .tuple(fc.integer({ min: -7, max: 190 }), fc.constantFrom("", "T00:00:00Z", "T23:59:59+02:00", "T09:30:00-08:00"))
  .map(
    ([days, time]) => (days === 0 ? today() : addCalendar(today(), `P${Math.abs(days)}D`, days < 0 ? -1 : 1)) + time,
  );

const fields = fc.record(
  {
    category: fc.constantFrom("normal", "major", "major", "emergency"),
    service: fc.constantFrom("payments", "reports"),
    title: fc.constantFrom("Tokens expire", "Lists shrink"),
    summary: fc.constantFrom("One", "Two"),
    businessCritical: fc.boolean(),
    releaseAt,
  },
  { requiredKeys: [] },
);

/** Minutes around now at which the emitter says that it spoke; null: it names no time. */
const time = fc
  .option(fc.integer({ min: -60, max: 60 }), { freq: 2 })
  .map((minutes) => (minutes === null ? {} : { time: new Date(Date.now() + minutes * 60_000).toISOString() }));

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("updated"), fields, minor: fc.boolean(), time }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancelled"), time }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("released"), time }) },
);

const life = fc.record({
  birth: fc.record({ category: fc.constantFrom("normal", "major", "emergency"), fields, releaseAt }),
  birthTime: time,
  /** How many of the steps come before the creation. */
  early: fc.constantFrom(0, 0, 0, 1, 2),
  steps: fc.array(step, { maxLength: 5 }),
  /** Whether each revision is planned before the next event, or all of them at the end. */
  planned: fc.constantFrom("at once", "at the end"),
});

type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

const eventsOf = (change: string, { birth, birthTime, early, steps }: Life) => {
  const later = steps.map((one) =>
    envelope(
      one.kind,
      one.kind === "updated" && "fields" in one
        ? { change, ...one.fields, minor: one.minor, reason: "it is so" }
        : { change, ...(one.kind === "cancelled" ? { reason: "it is off" } : {}) },
      one.time,
    ),
  );
  const born = envelope(
    "created",
    {
      title: "Born",
      service: "reports",
      ...birth.fields,
      category: birth.category,
      releaseAt: birth.releaseAt,
      change,
    },
    birthTime,
  );
  return [...later.slice(0, early), born, ...later.slice(early)];
};

type Reply = { status: number; answer: EventAnswer };

const post = async (event: unknown, query = ""): Promise<Reply> => {
  const reply = await api.call("POST", `/v1/events${query}`, { body: event, type: "application/cloudevents+json" });
  return { status: reply.statusCode, answer: reply.json<EventAnswer>() };
};

const stored = async (change: string, revision: number) => {
  const { rows } = await pipeline.sql.query<EventAnswer["notices"][number] & { dueAt: Date | string }>(
    `SELECT id, kind, "offset", due_at AS "dueAt", status FROM notices WHERE change = $1 AND revision = $2 ORDER BY no`,
    [change, revision],
  );
  return rows.map((row) => ({ ...row, dueAt: new Date(row.dueAt).toISOString() }));
};

/** A plan with the moment of its acceptance left out, which a dry run can only have guessed. */
const timeless = ({ notices, ...answer }: EventAnswer) => {
  const soon = Date.now() + 60_000;
  return {
    ...answer,
    notices: notices.map((one) => ({ ...one, dueAt: Date.parse(one.dueAt) < soon ? "now" : one.dueAt })),
  };
};

/** Once a later revision is planned, it may have ended notices of this one; nothing else about them moves. */
const ENDED = new Set(["superseded", "cancelled"]);

const live = async (change: string, it: Life): Promise<void> => {
  const answers: EventAnswer[] = [];
  for (const event of eventsOf(change, it)) {
    const day = today();
    const dry = await post(event, "?dryRun=true");
    const real = await post(event);
    assert.equal(dry.status === 200, real.status === 202, `${JSON.stringify(dry)} but ${JSON.stringify(real)}`);
    assert.ok([202, 422].includes(real.status), JSON.stringify(real));
    if (real.status !== 202) continue;
    if (day === today()) {
      const { recipients: _, ...foretold } = dry.answer as EventAnswer & { recipients: unknown };
      assert.deepEqual(timeless(foretold), timeless(real.answer), "the dry run foretold it");
    }
    if (real.answer.status === "held") continue;
    answers.push(real.answer);
    assert.deepEqual((await post(event)).answer, real.answer, "sent again: the first answer");
    if (it.planned === "at the end") continue;
    await plan({ change, revision: real.answer.revision });
    assert.deepEqual(await stored(change, real.answer.revision), real.answer.notices);
  }
  const last = answers.at(-1);
  if (!last) return;
  await plan({ change, revision: last.revision });
  await plan({ change, revision: last.revision });
  for (const answer of answers) {
    const kept: EventAnswer["notices"] = await stored(change, answer.revision);
    const mayEnd: boolean = answer.revision < last.revision;
    assert.deepEqual(
      kept.map((one, at) => (mayEnd && ENDED.has(one.status) ? { ...one, status: answer.notices[at]?.status } : one)),
      answer.notices,
      `revision ${answer.revision} of ${change}`,
    );
  }
  const shown = (await api.call("GET", `/v1/changes/${change}`)).json<EventAnswer>();
  assert.deepEqual([shown.revision, shown.status, shown.verdict], [last.revision, last.status, last.verdict]);
  assert.deepEqual(
    (await pipeline.sql.query("SELECT FROM revisions WHERE change = $1", [change])).rowCount,
    last.revision,
    "a revision for each answer",
  );
};

test(`what is answered is what a dry run foretold and what is stored, for ${LIVES} random lives of a change`, async () => {
  let lives = 0;
  await fc.assert(
    fc.asyncProperty(life, async (it) => {
      lives += 1;
      await live(`CHG-${lives}`, it);
    }),
    { numRuns: LIVES },
  );
});
