import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { atEnd } from "./at-end.ts";
import { until } from "./until.ts";

/** One request as it came in; `at` is `Date.now()` once its body was complete. */
export type Received = { at: number; method: string; path: string; headers: IncomingHttpHeaders; body: Buffer };

/** What the receiver does with one request, after it has recorded it. */
export type Answer =
  | { kind: "answer"; status: number; headers?: Record<string, string>; body?: string | Buffer; delayMs?: number }
  /** Never answers; the connection stays open. */
  | { kind: "hang" }
  /** Cuts the connection with a TCP reset. */
  | { kind: "reset" }
  /** Answers 200 at once, then a byte of the body every `everyMs`, without an end. */
  | { kind: "drip"; everyMs: number };

export type Receiver = {
  /** `http://127.0.0.1:<port>/<path>` */
  url: (path?: string) => string;
  port: number;
  /** Everything received so far, in order of arrival. */
  received: readonly Received[];
  /** What came to one path. */
  at: (path: string) => Received[];
  /** Answers one path's requests from `answers` in order; the last one answers all that follow. Unscripted paths get 204. */
  script: (path: string, ...answers: Answer[]) => void;
  /** How many connections were opened since the start: tells keep-alive from reconnecting. */
  connections: () => number;
  waitFor: (count: number, options?: { path?: string; deadlineMs?: number }) => Promise<Received[]>;
  /** The parsed body, once `standardwebhooks` has verified signature and timestamp under `secret`; throws otherwise. */
  verify: (received: Received, secret: string) => unknown;
  close: () => Promise<void>;
};

const NO_CONTENT: Answer = { kind: "answer", status: 204 };

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

const drip = async (response: ServerResponse, everyMs: number): Promise<void> => {
  response.writeHead(200, { "content-type": "text/plain" });
  while (!response.destroyed) {
    response.write(".");
    await pause(everyMs, undefined, { ref: false });
  }
};

const play = async (answer: Answer, response: ServerResponse): Promise<void> => {
  switch (answer.kind) {
    case "hang":
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "drip":
      await drip(response, answer.everyMs);
      return;
    case "answer":
      if (answer.delayMs !== undefined) await pause(answer.delayMs, undefined, { ref: false });
      response.writeHead(answer.status, answer.headers).end(answer.body);
  }
};

/** A webhook receiver on a free port of 127.0.0.1; it closes itself when the file's tests have ended. */
export const startReceiver = async (): Promise<Receiver> => {
  const received: Received[] = [];
  const scripts = new Map<string, Answer[]>();
  let opened = 0;

  const nextAnswer = (path: string): Answer => {
    const answers = scripts.get(path);
    return (answers && answers.length > 1 ? answers.shift() : answers?.[0]) ?? NO_CONTENT;
  };
  const server = createServer((request, response) => {
    response.on("error", () => undefined);
    readBody(request)
      .then((body) => {
        const path = request.url ?? "/";
        received.push({ at: Date.now(), method: request.method ?? "", path, headers: request.headers, body });
        return play(nextAnswer(path), response);
      })
      // The sender cut the connection: what it sent was not complete, so nothing was received.
      .catch(() => response.destroy());
  });
  server.on("connection", () => {
    opened += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  const receiver: Receiver = {
    port,
    received,
    url: (path = "/") => `http://127.0.0.1:${port}${path.startsWith("/") ? path : `/${path}`}`,
    at: (path) => received.filter((one) => one.path === path),
    script: (path, ...answers) => {
      scripts.set(path, answers);
    },
    connections: () => opened,
    waitFor: (count, { path, deadlineMs = 10_000 } = {}) => {
      const matching = () => (path === undefined ? received : receiver.at(path));
      return until(() => (matching().length >= count ? [...matching()] : null), {
        deadlineMs,
        what: `${count} webhooks${path === undefined ? "" : ` at ${path}`}`,
      }).catch((error: Error) => {
        throw new Error(`${error.message}; there were ${matching().length}`, { cause: error });
      });
    },
    verify: ({ body, headers }, secret) => new Webhook(secret).verify(body, headers as Record<string, string>),
    close: async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  atEnd(receiver.close);
  return receiver;
};
