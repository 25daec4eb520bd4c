import { Agent, type Dispatcher } from "undici";
import { creation } from "../announce.ts";
import { answerQuestions } from "../ask-child.ts";

/** An internal service that announces changes over HTTP: as fast as it is answered, or at fixed times. */
type Question =
  /** Makes that many events, in requests of `batch`, before any clock runs. */
  | { kind: "make"; service: string; events: number; batch: number }
  /** Sends what was made, with `connections` requests open at once. */
  | ({ kind: "all" } & Receiver)
  /** Sends what was made, a request every `everyMs`, whether or not those before were answered. */
  | ({ kind: "paced"; everyMs: number } & Receiver);
/** Each request bears the next of the keys: the API bounds what comes by one. */
type Receiver = { origin: string; keys: string[]; connections: number };
export type AllSent = { ms: number };
/** From when each request should have been sent to when its answer had come, whole. */
export type PacedSent = { latenciesMs: number[] };

type Made = { type: string; bodies: Buffer[] };

const TYPES = { one: "application/cloudevents+json", many: "application/cloudevents-batch+json" };

let made: Made = { type: TYPES.one, bodies: [] };

const make = ({ service, events, batch }: Extract<Question, { kind: "make" }>): Made => {
  const bodies = Array.from({ length: events / batch }, () => {
    const envelopes = Array.from({ length: batch }, () => creation(service, "major"));
    return Buffer.from(JSON.stringify(batch === 1 ? envelopes[0] : envelopes));
  });
  return { type: batch === 1 ? TYPES.one : TYPES.many, bodies };
};

/** Agents by their receiver, so that connections stand from the second time on. */
const agents = new Map<string, Agent>();
const agentOf = ({ origin, connections }: Receiver): Agent => {
  const name = `${origin} ${connections}`;
  const agent = agents.get(name) ?? new Agent({ connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  agents.set(name, agent);
  return agent;
};

/** Posts one; resolves when a 202 has come whole, throws for anything else. */
const post = (to: Receiver, no: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let code = 0;
    let answer = "";
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: (_, status) => {
        code = status;
      },
      onResponseData: (_, chunk) => {
        if (code !== 202) answer += chunk.toString();
      },
      onResponseEnd: () => (code === 202 ? resolve() : reject(new Error(`answered ${code}: ${answer}`))),
      onResponseError: (_, error) => reject(error),
    };
    const headers = ["content-type", made.type, "authorization", `Bearer ${to.keys[no % to.keys.length]}`];
    const body = made.bodies[no] ?? null;
    agentOf(to).dispatch({ origin: to.origin, path: "/v1/events", method: "POST", headers, body }, handler);
  });

const sendAll = async (to: Receiver): Promise<AllSent> => {
  const begunAt = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let no = next++; no < made.bodies.length; no = next++) await post(to, no);
  };
  await Promise.all(Array.from({ length: to.connections }, work));
  return { ms: performance.now() - begunAt };
};

/**
 * Nothing waits for an answer before it is sent, and a late timer counts as latency: a server that stands still is felt
 * by every request that should have been sent meanwhile.
 */
const sendPaced = async (to: Receiver, everyMs: number): Promise<PacedSent> => {
  const startAt = performance.now() + 100;
  const dueAt = (no: number): number => startAt + no * everyMs;
  const answers: Promise<number>[] = [];
  const timed = async (no: number): Promise<number> => {
    await post(to, no);
    return performance.now() - dueAt(no);
  };
  while (answers.length < made.bodies.length) {
    const waitMs = dueAt(answers.length) - performance.now();
    if (waitMs <= 0) answers.push(timed(answers.length));
    else await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
  return { latenciesMs: await Promise.all(answers) };
};

answerQuestions(async (asked) => {
  const question = asked as Question;
  if (question.kind === "make") {
    made = make(question);
    return {};
  }
  return question.kind === "all" ? sendAll(question) : sendPaced(question, question.everyMs);
});
