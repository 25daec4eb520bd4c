import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { Agent, type Dispatcher } from "undici";
import { answerQuestions } from "../ask-child.ts";

/**
 * The yardstick of webhooks: everything is in memory and ready but the body's own ends, the timestamp and the signature;
 * `Agent.dispatch` with one handler object per request and no promise. It knows no outcome but a count.
 */
export type BareTarget = {
  origin: string;
  path: string;
  id: string;
  secret: string;
  /** What stands before and after the bytes that all bodies share. */
  head: string;
  tail: string;
};
type Question =
  | { kind: "load"; targets: BareTarget[]; common: string; connections: number; inFlight: number; ca: string | null }
  | { kind: "run"; fresh: boolean };
export type BareRun = { ms: number; cpuUs: number; sent: number; failed: number };

type Ready = BareTarget & { key: KeyObject };

let targets: Ready[] = [];
let common = "";
let inFlight = 0;
let makeAgent = (): Agent => new Agent();
let kept: Agent | null = null;

const runAll = (agent: Agent): Promise<{ sent: number; failed: number }> =>
  new Promise((resolve) => {
    let begun = 0;
    let sent = 0;
    let failed = 0;
    const ended = (): void => {
      if (sent + failed === targets.length) resolve({ sent, failed });
      else next();
    };
    const next = (): void => {
      const target = targets[begun];
      if (!target) return;
      begun += 1;
      const timestamp = String(Math.floor(Date.now() / 1000));
      const body = Buffer.from(target.head + common + target.tail);
      const signature = createHmac("sha256", target.key)
        .update(`${target.id}.${timestamp}.`)
        .update(body)
        .digest("base64");
      const headers = [
        "content-type",
        "application/cloudevents+json",
        "user-agent",
        "Bare/1",
        "webhook-id",
        target.id,
        "webhook-timestamp",
        timestamp,
        "webhook-signature",
        `v1,${signature}`,
      ];
      let code = 0;
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => undefined,
        onResponseStart: (_, status) => {
          code = status;
        },
        onResponseData: () => undefined,
        onResponseEnd: () => {
          if (code === 200) sent += 1;
          else failed += 1;
          ended();
        },
        onResponseError: () => {
          failed += 1;
          ended();
        },
      };
      agent.dispatch({ origin: target.origin, path: target.path, method: "POST", headers, body }, handler);
    };
    for (let slot = 0; slot < inFlight; slot += 1) next();
  });

answerQuestions(async (asked) => {
  const question = asked as Question;
  if (question.kind === "load") {
    common = question.common;
    inFlight = question.inFlight;
    targets = question.targets.map((target) => ({
      ...target,
      key: createSecretKey(Buffer.from(target.secret.slice("whsec_".length), "base64")),
    }));
    const { connections, ca } = question;
    makeAgent = () =>
      new Agent({
        connections,
        headersTimeout: 0,
        bodyTimeout: 0,
        allowH2: false,
        connect: { ...(ca === null ? {} : { ca }), maxCachedSessions: 0 },
      });
    return {};
  }
  const agent = question.fresh ? makeAgent() : (kept ??= makeAgent());
  const cpuBefore = process.cpuUsage();
  const begunAt = performance.now();
  const counts = await runAll(agent);
  const ms = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (question.fresh) void agent.destroy();
  return { ms, cpuUs: user + system, ...counts };
});
