import type { Scenario } from "../result.ts";
import { summary, webhookTrials } from "../webhook-trials.ts";

const ADDRESSES = Array.from({ length: 8 }, (_, no) => `127.0.0.${no + 1}`);

/** One notice to endpoints on 8 hosts that keep their connections, by one sender process. */
export const webhookKeepAlive: Scenario = {
  name: "keep-alive",
  run: async (size) => {
    const endpoints = size === "full" ? 50_000 : 2_000;
    const { rounds } = await webhookTrials({
      endpoints,
      addresses: ADDRESSES,
      senders: 1,
      rounds: size === "full" ? 7 : 1,
      warmUp: size === "full" ? 1 : 0,
      deadlineMs: 120_000,
    });
    return [
      {
        scenario: `webhooks to ${endpoints} endpoints on 8 origins, keep-alive, 1 sender`,
        goal: "≥ 0.90",
        yardstick: "bare loop over Agent.dispatch",
        ...summary(rounds),
      },
    ];
  },
};
