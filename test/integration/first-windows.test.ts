import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { makeFanOutNotice } from "../../src/flow/fan-out-notice.ts";
import { makePlanNotices } from "../../src/flow/plan-notices.ts";
import type { Ledger } from "../../src/ledger/connection.ts";
import type { ChunkJob, Queues } from "../../src/queue/queues.ts";
import { freshLedger, quietLog } from "../support/servers.ts";

const ENDPOINTS = 300;
let ledger: Ledger;
/** What was put on the queues, in order. */
let queued: string[];
/** Those of each commit. */
let chunks: ChunkJob[][];

const remember = (name: string, jobs: { data: ChunkJob; opts: { jobId: string } }[]): Promise<never[]> => {
  queued.push(...jobs.map(({ opts }) => `${name} ${opts.jobId}`));
  if (name.startsWith("webhook")) chunks.push(jobs.map(({ data }) => data));
  return Promise.resolve([]);
};

/** Queues that only remember. */
const queues = {
  get: (name: string) => ({
    addBulk: (jobs: Parameters<typeof remember>[1]) => remember(name, jobs),
    getWaitingCount: () => Promise.resolve(0),
  }),
  addSoon: remember,
} as unknown as Queues;

const planNotices = () => {
  const fanOutNotice = makeFanOutNotice({ ledger, queues, untilQuiet: () => Promise.resolve(), log: quietLog });
  return makePlanNotices({ ledger, queues, fanOutNotice, log: quietLog });
};

beforeEach(async () => {
  ({ ledger } = await freshLedger());
  [queued, chunks] = [[], []];
  const sql = ledger.pools.routine;
  await sql.query("INSERT INTO services (service, title) VALUES ('payments', 'P')");
  await sql.query(
    `INSERT INTO partners (partner, name, subscriptions)
     SELECT 'p' || n, 'P', '{payments}' FROM generate_series(1, $1::int) AS n`,
    [ENDPOINTS],
  );
  await sql.query(
    `INSERT INTO endpoints (partner, channel, address, unwelcomed)
     SELECT 'p' || n, 'webhook', 'https://p.example/' || n, false FROM generate_series(1, $1::int) AS n`,
    [ENDPOINTS],
  );
  await sql.query(
    `INSERT INTO changes (change, revision, status, category, service, state)
     VALUES ('CHG-1', 1, 'announced', 'emergency', 'payments', '{}')`,
  );
  await sql.query(
    `INSERT INTO notices (id, change, revision, kind, lane, audience, due_at, fan_out_at, status)
     VALUES ('CHG-1.r1.announcement', 'CHG-1', 1, 'announcement', 'urgent', 'all', now(), now(), 'planned'),
            ('CHG-1.r1.reminder-P1D', 'CHG-1', 1, 'reminder', 'urgent', 'all', now() + interval '5 days',
             now() + interval '5 days', 'planned')`,
  );
});

test("an emergency's first window is a small one, each next one ten times as large, and each chunk says whose it is", async () => {
  await planNotices()({ change: "CHG-1", revision: 1, due: ["CHG-1.r1.announcement"] });
  const { rows } = await ledger.pools.routine.query<{ chunk: number; count: number; notice: number }>(
    "SELECT chunk, count(*) AS count, min(notice) AS notice FROM deliveries GROUP BY chunk ORDER BY chunk",
  );
  assert.deepEqual(
    rows.map(({ count }) => count),
    [10, 100, 190],
  );
  assert.deepEqual(
    chunks,
    rows.map(({ chunk, notice }) => [{ chunk, run: 1, notice }]),
  );
});

test("what a plan job says is due goes before the reminders are queued", async () => {
  await planNotices()({ change: "CHG-1", revision: 1, due: ["CHG-1.r1.announcement"] });
  assert.deepEqual(
    queued.map((job) => job.split(" ")[0]),
    ["webhook-urgent", "webhook-urgent", "webhook-urgent", "notices-urgent"],
  );
});

test("a plan job that says nothing of what is due, as the reconciler's, has the same effect", async () => {
  await planNotices()({ change: "CHG-1", revision: 1 });
  assert.equal(chunks.length, 3);
  assert.ok(queued.includes("notices-urgent CHG-1.r1.reminder-P1D"));
});

test("a notice that was superseded since its plan job was queued tells nobody", async () => {
  await ledger.pools.routine.query("UPDATE notices SET status = 'superseded'");
  await planNotices()({ change: "CHG-1", revision: 1, due: ["CHG-1.r1.announcement"] });
  assert.deepEqual(queued, []);
});
