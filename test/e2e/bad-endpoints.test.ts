import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { DEFAULT_POLICY } from "../../src/domain/policy.ts";
import { atEnd } from "../support/at-end.ts";
import { type Pipeline, startPipeline } from "../support/pipeline.ts";
import { FULL, SEED } from "../support/random.ts";
import { judge } from "../support/tally.ts";
import { until } from "../support/until.ts";

const COUNT = FULL ? 5_000 : 500;
const GOOD = Math.round(COUNT * 0.75);
const HANGING = COUNT / 10;
const policy = { ...DEFAULT_POLICY, timeouts: { ...DEFAULT_POLICY.timeouts, webhook: "PT5S" } };
/** On two busy cores a difference of this much is noise. */
const NOISE_MS = 400;

/** A host of its own that takes connections and never answers. */
const startHanging = async (host: string): Promise<string> => {
  const server = createServer((socket) => socket.on("error", () => undefined));
  server.listen(0, host);
  await once(server, "listening");
  atEnd(() => void server.close());
  const address = server.address();
  assert.ok(address && typeof address === "object");
  return `http://${host}:${address.port}/`;
};

const addEndpoints = async ({ sql, parts }: Pipeline, addresses: readonly string[]): Promise<void> => {
  await sql.query(
    "INSERT INTO partners (partner, name) SELECT 'b' || n, 'Bad ' || n FROM generate_series(1, $1::int) AS n",
    [addresses.length],
  );
  await sql.query(
    `INSERT INTO endpoints (partner, channel, address, secret_sealed)
     SELECT 'b' || place, 'webhook', address, $2 FROM unnest($1::text[]) WITH ORDINALITY AS given (address, place)`,
    [addresses, parts.keyring.seal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
  );
};

/** From acceptance until each of the good partners had its POST: the 95th percentile, in milliseconds. */
const p95 = async (pipeline: Pipeline, change: string): Promise<number> => {
  const before = pipeline.receiver.received.length;
  const begunAt = Date.now();
  await pipeline.announce({
    change,
    category: "major",
    service: "reports",
    title: "Bad neighbours",
    releaseAt: "2090-01-01",
  });
  const good = await until(
    () => {
      const posts = pipeline.receiver.received.slice(before).filter((post) => post.path.startsWith("/p"));
      return posts.length >= GOOD && posts;
    },
    { deadlineMs: 60_000, what: "every good partner has its notice" },
  );
  const ages = good.map((post) => post.at - begunAt).sort((a, b) => a - b);
  return ages[Math.floor(ages.length * 0.95)] ?? 0;
};

test("10 % of endpoints hang, 10 % answer 500, 5 % reset: the others' p95 stays within 1.5 times of a run without them", async (t) => {
  const alone = await startPipeline({ policy });
  await alone.addService("reports");
  await alone.addPartners(GOOD, "webhook");
  await p95(alone, "WARM");
  const before = await p95(alone, "CHG-1");

  const mixed = await startPipeline({ policy });
  await mixed.addService("reports");
  await mixed.addPartners(GOOD, "webhook");
  await p95(mixed, "WARM");
  const hosts = Array.from({ length: HANGING }, (_, at) => `127.0.${1 + Math.floor(at / 250)}.${1 + (at % 250)}`);
  const hanging = await Promise.all(hosts.map(startHanging));
  const failing = Array.from({ length: COUNT / 10 }, (_, at) => `f${at}`);
  const resetting = Array.from({ length: COUNT / 20 }, (_, at) => `r${at}`);
  for (const path of failing) mixed.receiver.script(`/${path}`, { kind: "answer", status: 500 });
  for (const path of resetting) mixed.receiver.script(`/${path}`, { kind: "reset" });
  await addEndpoints(mixed, [...hanging, ...[...failing, ...resetting].map((path) => mixed.receiver.url(path))]);
  const with_ = await p95(mixed, "CHG-2");
  // Once more: what else the machine had to do meanwhile is not the bad ones' doing.
  const without = Math.max(before, await p95(alone, "CHG-3"));

  t.diagnostic(`p95 of the good: ${without} ms alone, ${with_} ms beside bad ones`);
  await until(async () => ((await mixed.counts())["sent"] ?? 0) >= 2 * GOOD, {
    deadlineMs: 30_000,
    what: "they are settled",
  });
  const sent = (await mixed.counts())["sent"] ?? 0;
  judge(
    t,
    {
      scenario: "25 % bad endpoints",
      deliveries: COUNT,
      kills: 0,
      lost: Math.max(0, 2 * GOOD - sent),
      duplicated: 0,
      inFlight: 0,
    },
    SEED,
  );
  assert.ok(with_ <= Math.max(1.5 * without, without + NOISE_MS), `p95 went from ${without} to ${with_} ms`);
});

test("200 deliveries to one hanging host hold no slot that others need, and use up no attempts while it rests", async () => {
  const pipeline = await startPipeline({ policy });
  await pipeline.addService("reports");
  const hanging = await startHanging("127.0.99.1");
  await addEndpoints(
    pipeline,
    Array.from({ length: 200 }, (_, at) => `${hanging}${at}`),
  );
  await pipeline.addPartners(200, "webhook");
  const begunAt = Date.now();
  await pipeline.announce({
    change: "CHG-1",
    category: "major",
    service: "reports",
    title: "One hangs",
    releaseAt: "2090-01-01",
  });
  await pipeline.receiver.waitFor(200, { deadlineMs: 10_000 });
  assert.ok(Date.now() - begunAt < 5_000, "before the first of the hanging ones ran into its deadline");
  const { rows } = await until(
    async () => {
      const result = await pipeline.sql.query<{ attempts: number; count: number }>(
        "SELECT attempts, count(*) AS count FROM deliveries WHERE status = 'waiting' AND chunk IS NULL GROUP BY attempts ORDER BY attempts",
      );
      return result.rows.reduce((sum, row) => sum + row.count, 0) === 200 && result;
    },
    { deadlineMs: 30_000, what: "the hanging host's deliveries are put off" },
  );
  const untried = rows.find((row) => row.attempts === 0)?.count ?? 0;
  assert.ok(untried >= 100, `${untried} of 200 were put off without an attempt`);
});
