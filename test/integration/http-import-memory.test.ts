import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { Readable } from "node:stream";
import { test } from "node:test";
import { startProgram } from "../support/programs.ts";
import { freshLedger, freshRedis, temporaryFolder } from "../support/servers.ts";

const KEY = "test-admin-key-of-32-characters!!";
/** Room for the API's code and a batch of rows: with all rows of this import, or all lines of its answer, it runs out. */
const HEAP_MB = 64;
/** Bytes lie outside of the heap. Seen: up to 64 MB more; 322 MB with a body that was held as a whole. */
const GROWTH_MB = 140;
const PARTNERS = 6_000;
const WEBHOOKS = 3;
/** Most of the body, after each row: lines that come in, and that nobody keeps. */
const BLANKS = `${" ".repeat(999)}\n`.repeat(40);
const LONG = "a".repeat(1_900);

const line = (no: number): string => {
  const endpoints = Array.from({ length: WEBHOOKS }, (_, at) => ({
    channel: "webhook",
    address: `https://hooks.partners.example/p${no}/${at}/${LONG}`,
  }));
  return `{"partner":"p${no}","name":"Partner ${no}","endpoints":${JSON.stringify(endpoints)}}\n${BLANKS}`;
};

/** The body as a client streams it: made when it is asked for, so that this side holds nothing either. */
function* body(): Generator<string> {
  for (let no = 1; no <= PARTNERS; no += 1) yield line(no);
}

/** Of another process, in MB: what it holds now, and the most that it ever held; nothing where the system does not tell. */
const memoryOf = (pid: number): { now: number; most: number } => {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return { now: 0, most: 0 };
  const status = readFileSync(file, "utf8");
  const mb = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
  return { now: mb("VmRSS"), most: mb("VmHWM") };
};

type Answered = { status: number; lines: number; bytes: number };

const send = (address: string, parts: Iterable<string>): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const call = request(`${address}/v1/partners/import`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson", authorization: `Bearer ${KEY}` },
    });
    let bytes = 0;
    call.on("response", (reply) => {
      let lines = 0;
      reply.on("data", (part: Buffer) => {
        for (let at = part.indexOf(10); at !== -1; at = part.indexOf(10, at + 1)) lines += 1;
      });
      reply.on("end", () => resolve({ status: reply.statusCode ?? 0, lines, bytes }));
      reply.on("error", reject);
    });
    call.on("error", reject);
    const source = Readable.from(parts);
    source.on("data", (part: string) => (bytes += part.length));
    source.pipe(call);
  });

test("an import of several hundred megabytes passes through an API whose whole heap is a fraction of it", async (t) => {
  const [{ url, ledger }, redis, dataFolder] = await Promise.all([freshLedger(), freshRedis(), temporaryFolder()]);
  const api = await startProgram("src/http/main.ts", {
    env: {
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
      DATABASE_URL: url,
      REDIS_URL: redis.url,
      FOREWARN_SECRET: "0123456789abcdef0123456789abcdef",
      FOREWARN_ADMIN_KEY: KEY,
      FOREWARN_DATA: dataFolder,
      HOST: "127.0.0.1",
      PORT: "0",
    },
  });
  const address = String(api.log.find((it) => it["msg"] === "the API listens")?.["listening"]);
  // What is loaded once and for all is not the import's.
  assert.equal((await send(address, [line(0)])).status, 200);
  const before = memoryOf(api.pid).now;
  const startedAt = performance.now();
  const { status, lines, bytes } = await send(address, body()).catch((fault: unknown) => {
    throw new Error(`the API ended: ${JSON.stringify(api.log.slice(-3))}`, { cause: fault });
  });
  const { most } = memoryOf(api.pid);
  const took = ((performance.now() - startedAt) / 1_000).toFixed(1);
  t.diagnostic(`${Math.round(bytes / 1e6)} MB in ${took} s; ${before} MB before, ${most} MB at most`);
  assert.ok(bytes > 250e6, `${bytes} bytes`);
  assert.deepEqual([status, lines], [200, PARTNERS * WEBHOOKS]);
  const { rows } = await ledger.pools.routine.query("SELECT count(*) AS partners FROM partners");
  assert.deepEqual(rows, [{ partners: PARTNERS + 1 }]);
  assert.ok(most - before < GROWTH_MB, `grew by ${most - before} MB`);
});
