import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { until } from "../support/until.ts";

let pipeline: Pipeline;

before(async () => {
  pipeline = await startPipeline();
  await pipeline.addService("reports");
});

const sound = (id: string, more: Record<string, unknown> = {}) => ({
  specversion: "1.0",
  id,
  source: "/poison",
  type: "forewarn.change.created",
  data: { change: id, category: "normal", service: "reports", title: "T" },
  ...more,
});

const nested = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

/** Each with the JSON text that a producer in any language may put on the queue as a job's data. */
const POISON: { what: string; text: string; says: RegExp; problem?: string }[] = [
  {
    what: "nested 20,000 deep in an attribute",
    text: JSON.stringify(sound("deep")).replace('"data"', `"ext":${nested(20_000)},"data"`),
    says: /deeper than 32/,
  },
  {
    what: "nested 20,000 deep in its data",
    text: JSON.stringify(sound("deep-data")).replace('"title"', `"x":${nested(20_000)},"title"`),
    says: /deeper than 32/,
  },
  { what: "nothing but lists in lists", text: nested(20_000), says: /object/ },
  {
    what: "objects within objects, without an end in sight",
    text: `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`,
    says: /deeper than 32/,
  },
  {
    what: "10 MB in its details",
    text: JSON.stringify(
      sound("big", {
        data: { change: "big", category: "normal", service: "reports", title: "T", details: "x".repeat(10_000_000) },
      }),
    ),
    says: /64 KiB/,
    problem: "too-large",
  },
  {
    what: "10 MB in its source",
    text: JSON.stringify(sound("long", { source: "s".repeat(10_000_000) })),
    says: /64 KiB/,
    problem: "too-large",
  },
  {
    what: "a lone surrogate in an attribute",
    text: JSON.stringify(sound("lone")).replace('"data"', '"ext":"\\ud800","data"'),
    says: /Unicode/,
  },
  {
    what: "a lone surrogate in its id",
    text: JSON.stringify(sound("lone")).replace('"id":"lone"', '"id":"lone\\udfff"'),
    says: /Unicode/,
  },
  {
    what: "a NUL in an attribute",
    text: JSON.stringify(sound("nul")).replace('"data"', '"ext":"a\\u0000b","data"'),
    says: /NUL/,
  },
  {
    what: "a NUL in an attribute's name",
    text: JSON.stringify(sound("nul")).replace('"data"', '"e\\u0000xt":1,"data"'),
    says: /NUL/,
  },
  { what: "data that is a text", text: JSON.stringify(sound("text", { data: "text" })), says: /data/ },
  { what: "data that is a list", text: JSON.stringify(sound("list", { data: [1] })), says: /data/ },
  { what: "a text", text: '"event"', says: /object/i },
  { what: "null", text: "null", says: /object/i },
  { what: "a number beyond all", text: "1e999", says: /object/i },
];

/** Puts a text on the queue as it is; BullMQ's own `add` would not write some of these. */
const put = async (text: string): Promise<void> => {
  const queue = pipeline.parts.queues.get("events");
  await queue.pause();
  const job = await queue.add("event", {});
  await pipeline.parts.redis.hset(queue.toKey(String(job.id)), "data", text);
  await queue.resume();
};

for (const { what, text, says, problem = "invalid" } of POISON)
  test(`an event on the queue that is ${what} is refused, kept and done with`, async () => {
    const last = async () =>
      (
        await pipeline.sql.query<{ no: number; problem: string; detail: string; size: number }>(
          `SELECT no, refusal ->> 'problem' AS problem, refusal ->> 'detail' AS detail, length(envelope::text) + length(coalesce(source, '')) AS size
             FROM events WHERE status = 'refused' ORDER BY no DESC LIMIT 1`,
        )
      ).rows[0];
    const before = (await last())?.no ?? 0;
    await put(text);
    const kept = await until(
      async () => {
        const row = await last();
        return row && row.no > before ? row : null;
      },
      { what: "the refusal is kept", deadlineMs: 8_000 },
    );
    assert.match(kept.detail, says);
    assert.equal(kept.problem, problem, "the same as over HTTP");
    assert.ok(kept.size < 80_000, `${kept.size} characters are kept`);
    await until(
      async () => {
        const counts = await pipeline.parts.queues.get("events").getJobCounts();
        return Object.values(counts).every((count) => count === 0);
      },
      { what: "no job is left" },
    );
  });

test("after all of them the queue still takes a sound event", async () => {
  await pipeline.parts.queues.get("events").add("event", sound("sound"));
  await until(async () => (await pipeline.sql.query("SELECT FROM changes WHERE change = 'sound'")).rowCount === 1, {
    what: "the change is recorded",
  });
});
