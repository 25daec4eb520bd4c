import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cluster, startCluster, WORKERS } from "../support/cluster.ts";
import { type Program, startProgram } from "../support/programs.ts";
import { connectRedis } from "../support/servers.ts";
import { until } from "../support/until.ts";

test("scheduler, email and webhook workers run as processes of their own, and drain and exit 0 within 20 s of SIGTERM", async () => {
  const cluster: Cluster = await startCluster();
  const programs = await Promise.all(WORKERS.map((worker) => cluster.start(worker)));
  await cluster.addService("reports");
  const secret = await cluster.addPartner("acme", ["email", "webhook"]);
  await cluster.announce({
    change: "CHG-1",
    category: "emergency",
    service: "reports",
    title: "Key leaked",
    releaseAt: new Date(Date.now() + 86_400_000).toISOString(),
  });
  const [post] = await cluster.receiver.waitFor(1, { path: "/acme" });
  cluster.receiver.verify(post!, secret);
  await cluster.mailbox.waitFor(1, { to: "acme@partner.example" });
  await cluster.quiet();
  assert.deepEqual(await cluster.counts(), { sent: 2 });

  const begunAt = performance.now();
  for (const program of programs) program.kill("SIGTERM");
  assert.deepEqual(await Promise.all(programs.map((program) => program.ended)), [0, 0, 0]);
  assert.ok(performance.now() - begunAt < 20_000);

  const lines = programs.flatMap((program) => program.log);
  for (const msg of ["notice fanned out", "chunk sent", "notice done"])
    assert.ok(
      lines.some((line) => line["msg"] === msg),
      `a line says "${msg}"`,
    );
  const text = JSON.stringify(lines);
  for (const hidden of [secret, "partner.example", "/acme", cluster.env["FOREWARN_SECRET"]!])
    assert.ok(!text.includes(hidden), `the log does not hold ${hidden}`);
});

test("a worker without its servers' addresses exits 78 and names the variable", async () => {
  await assert.rejects(startProgram("workers/webhook.ts", { env: {} }), /ended at once with 78: .*DATABASE_URL/);
});

const listeningAt = (program: Program): string =>
  String(program.log.find((line) => line["msg"] === "metrics are served")?.["listening"]);

const scrape = async (address: string): Promise<string[]> => {
  const reply = await fetch(`${address}/metrics`);
  assert.equal(reply.status, 200);
  assert.match(reply.headers.get("content-type") ?? "", /^text\/plain; version=/);
  return (await reply.text()).split("\n");
};

test("workers by themselves serve their metrics where FOREWARN_METRICS_PORT says: what the reconciler put back, and what was sent", async () => {
  const cluster = await startCluster();
  Object.assign(cluster.env, { FOREWARN_METRICS_PORT: "0" });
  await cluster.addService("reports");
  await cluster.addPartner("acme", ["webhook"]);
  const releaseAt = new Date(Date.now() + 86_400_000).toISOString();
  await cluster.announce({ change: "CHG-1", category: "emergency", service: "reports", title: "x", releaseAt });
  // The job that takes up its notices is gone: the reconciler alone brings them back.
  await connectRedis(cluster.redisServer.url).flushall();
  const [scheduler, sender] = await Promise.all([cluster.start("scheduler"), cluster.start("webhook")]);
  await cluster.receiver.waitFor(1, { path: "/acme" });

  const addresses = [scheduler, sender].map(listeningAt);
  const [ofScheduler = "", ofSender = ""] = addresses;
  const lines = await scrape(ofScheduler);
  for (const line of [
    'forewarn_reconciled_total{kind="notices"} 1',
    'forewarn_reconciles_total{cause="flush"} 1',
    'forewarn_overdue{kind="plans"} 0',
    "forewarn_ledger_up 1",
  ])
    assert.ok(lines.includes(line), `the scheduler shows ${line}`);
  const sent = await until(
    async () => {
      const found = await scrape(ofSender);
      return found.includes('forewarn_in_flight{channel="webhook",lane="urgent"} 0') && found;
    },
    { what: "nothing is in flight" },
  );
  for (const line of [
    'forewarn_settled_total{channel="webhook",lane="urgent",status="sent"} 1',
    'forewarn_attempt_seconds_count{channel="webhook",lane="urgent"} 1',
  ])
    assert.ok(sent.includes(line), `the sender shows ${line}`);
  assert.ok(sent.some((line) => line.startsWith("process_cpu_seconds_total ")));
  assert.ok(!sent.some((line) => line.startsWith("forewarn_overdue")), "what is the ledger's is not shown by all");

  for (const address of addresses) {
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual(await (await fetch(`${address}/healthz`)).json(), { status: "ok" });
    assert.equal((await fetch(`${address}/v1/changes`)).status, 404);
    assert.equal((await fetch(`${address}/metrics`, { method: "POST" })).status, 405);
  }
  const taken = { ...cluster.env, FOREWARN_METRICS_PORT: new URL(ofSender).port };
  await assert.rejects(
    startProgram("workers/webhook.ts", { env: taken }),
    /ended at once with 78: .*FOREWARN_METRICS_PORT cannot be listened on .*EADDRINUSE/,
  );
  for (const program of [scheduler, sender]) program.kill("SIGTERM");
  assert.deepEqual(await Promise.all([scheduler.ended, sender.ended]), [0, 0]);
  for (const address of addresses) await assert.rejects(fetch(`${address}/healthz`), "closed with the worker");
});
