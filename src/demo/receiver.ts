import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

/** What a partner's webhook got: the verdict of the partner's own verifier included. */
export type WebhookArrival = { id: string; path: string; at: number; fault: string | null };

/** Partners' webhooks on loopback: each is a path, and verifies what comes in as Standard Webhooks says. */
export type Receiver = {
  /** `http://127.0.0.1:41235` */
  origin: string;
  arrivals: readonly WebhookArrival[];
  /** Which secret signs what is sent to `path`. */
  expect(path: string, secret: string): void;
  stop(): Promise<void>;
};

const headersOf = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

export const startReceiver = async (): Promise<Receiver> => {
  const verifiers = new Map<string, Webhook>();
  const arrivals: WebhookArrival[] = [];

  /** Why the partner would not trust it; null when it would. */
  const judge = (path: string, headers: IncomingHttpHeaders, body: Buffer): string | null => {
    const verifier = verifiers.get(path);
    if (!verifier) return "no partner listens at this path";
    try {
      verifier.verify(body, headersOf(headers));
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  };

  const receive = async (request: IncomingMessage): Promise<number> => {
    const path = request.url ?? "/";
    const fault = judge(path, request.headers, await buffer(request));
    arrivals.push({ id: String(request.headers["webhook-id"]), path, at: Date.now(), fault });
    return fault === null ? 204 : 400;
  };
  const server = createServer((request, response) => {
    receive(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    expect: (path, secret) => void verifiers.set(path, new Webhook(secret)),
    stop: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
};
