import { type Scenario, summary } from "../result.ts";
import { webhookTrials } from "../webhook-trials.ts";

const ADDRESSES = Array.from({ length: 8 }, (_, no) => `127.0.0.${no + 1}`);

/** What sets one scenario of 8 origins apart from the other. */
type Setting = { name: string; senders: 1 | 2; fullRounds: number; title: string; goal: string; yardstick: string };

const onEightOrigins = ({ name, senders, fullRounds, title, goal, yardstick }: Setting): Scenario => ({
  name,
  run: async (size) => {
    const endpoints = size === "full" ? 50_000 : 2_000;
    const { rounds } = await webhookTrials({
      endpoints,
      addresses: ADDRESSES,
      senders,
      rounds: size === "full" ? fullRounds : 1,
      warmUp: size === "full" ? 1 : 0,
      deadlineMs: 120_000,
    });
    const scenario = `webhooks to ${endpoints} endpoints on 8 origins, keep-alive, ${title}`;
    return [{ scenario, goal, yardstick, ...summary(rounds) }];
  },
});

/** One notice to endpoints on 8 hosts that keep their connections, by one sender process. */
export const webhookKeepAlive = onEightOrigins({
  name: "keep-alive",
  senders: 1,
  fullRounds: 7,
  title: "1 sender",
  goal: "≥ 0.90",
  yardstick: "bare loop over Agent.dispatch",
});

/** The same by two sender processes that share its chunks. */
export const webhookTwoSenders = onEightOrigins({
  name: "two-senders",
  senders: 2,
  fullRounds: 5,
  title: "2 senders",
  goal: "≥ 0.85 on 6 or more cores",
  yardstick: "two bare loops, half of them each",
});
