import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../src/processes/free-port.ts";
import { startCluster } from "../support/cluster.ts";
import { envelope } from "../support/pipeline.ts";
import { startProgram } from "../support/programs.ts";
import { FULL, SEED } from "../support/random.ts";
import { allSent, arrivedIds, expectedIds, inAnHour } from "../support/scene.ts";
import { judge, tally } from "../support/tally.ts";

const KEY = "test-admin-key-of-32-characters!!";

test("the same event posted 50 times at once to two processes has one effect, and events out of order end the same", async (t) => {
  const rounds = FULL ? 10 : 1;
  const cluster = await startCluster();
  await cluster.addService("reports");
  await cluster.addPartners(20, "webhook");
  await Promise.all([cluster.start("scheduler"), cluster.start("webhook")]);
  const apis = await Promise.all(
    [0, 1].map(async () => {
      const port = await freePort("127.0.0.1");
      await startProgram("src/http/main.ts", { env: { ...cluster.env, PORT: String(port), FOREWARN_ADMIN_KEY: KEY } });
      return `http://127.0.0.1:${port}/v1/events`;
    }),
  );
  const post = async (event: unknown, at: number) => {
    const response = await fetch(apis[at % 2] ?? "", {
      method: "POST",
      headers: { "content-type": "application/cloudevents+json", authorization: `Bearer ${KEY}` },
      body: JSON.stringify(event),
    });
    return {
      status: response.status,
      duplicate: response.headers.get("forewarn-duplicate"),
      body: (await response.json()) as { revision: number; notices: unknown[] },
    };
  };

  for (let round = 1; round <= rounds; round += 1) {
    const created = envelope("created", {
      change: `CHG-${round}`,
      category: "major",
      service: "reports",
      title: "Once",
      releaseAt: inAnHour(),
    });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => post(created, at)));
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([202]));
    assert.equal(answers.filter((answer) => answer.duplicate === null).length, 1, "one was the first");
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer.body))).size, 1, "all had the same answer");
    await allSent(cluster, round * 20);

    const minute = (at: number): string => new Date(Date.now() + at * 60_000).toISOString();
    const edits = [3, 1, 2].map((at) =>
      envelope("updated", { change: `CHG-${round}`, summary: `Summary ${at}`, minor: true }, { time: minute(at) }),
    );
    await Promise.all(edits.map(post));
    const { rows } = await cluster.sql.query<{ summary: string; revision: number }>(
      "SELECT state->'fields'->>'summary' AS summary, revision FROM changes WHERE change = $1",
      [`CHG-${round}`],
    );
    assert.deepEqual(rows, [{ summary: "Summary 3", revision: 4 }]);
  }
  await cluster.quiet();
  judge(
    t,
    {
      scenario: "the same event 50 times at once, from two processes",
      deliveries: rounds * 20,
      kills: 0,
      ...tally(await expectedIds(cluster), arrivedIds(cluster)),
      inFlight: 0,
    },
    SEED,
  );
});
