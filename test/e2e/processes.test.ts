import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cluster, startCluster, WORKERS } from "../support/cluster.ts";
import { startProgram } from "../support/programs.ts";

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
  for (const msg of ["notices planned", "notice fanned out", "chunk sent", "notice done"])
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
