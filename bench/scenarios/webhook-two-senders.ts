import type { Scenario } from "../result.ts";
import { summary, webhookTrials } from "../webhook-trials.ts";

const ADDRESSES = Array.from({ length: 8 }, (_, no) => `127.0.0.${no + 1}`);

/** One notice to endpoints on 8 hosts that keep their connections, by two sender processes that share its chunks. */
export const webhookTwoSenders: Scenario = {
  name: "two-senders",
  run: async (size) => {
    const endpoints = size === "full" ? 50_000 : 2_000;
    const { rounds } = await webhookTrials({
      endpoints,
      addresses: ADDRESSES,
      senders: 2,
      rounds: size === "full" ? 5 : 1,
      warmUp: size === "full" ? 1 : 0,
      deadlineMs: 120_000,
    });
    return [
      {
        scenario: `webhooks to ${endpoints} endpoints on 8 origins, keep-alive, 2 senders`,
        goal: "≥ 0.85 on 6 or more cores",
        yardstick: "two bare loops, half of them each",
        ...summary(rounds),
      },
    ];
  },
};
