import assert from "node:assert/strict";
import { test } from "node:test";
import { hearUrgent, tellUrgent } from "../../src/queue/urgent-word.ts";
import { connectRedis, privateRedis, quietLog } from "../support/servers.ts";
import { until } from "../support/until.ts";

test("who listens hears each word, of its own installation alone, and again once Redis was away", async () => {
  const server = await privateRedis();
  const redis = connectRedis(server.url);
  let [heard, elsewhere] = [0, 0];
  const listening = hearUrgent({ redisUrl: server.url, prefix: "one", log: quietLog }, () => {
    heard += 1;
  });
  const others = hearUrgent({ redisUrl: server.url, prefix: "other", log: quietLog }, () => {
    elsewhere += 1;
  });
  const tellUntilHeard = async (): Promise<void> => {
    const before = heard;
    const tell = (): boolean => {
      tellUrgent(redis, "one");
      return heard > before;
    };
    await until(tell, { what: "an urgent word" });
  };
  try {
    await tellUntilHeard();
    await server.stop();
    await server.start();
    await tellUntilHeard();
    assert.equal(elsewhere, 0);
  } finally {
    await Promise.all([listening.stop(), others.stop()]);
  }
});
