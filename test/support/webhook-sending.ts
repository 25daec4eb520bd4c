import { createServer, type Server, type Socket } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { makeKeyring } from "../../src/keyring.ts";
import type { Addressee, NoticeContent } from "../../src/senders/sender.ts";
import { newSecret } from "../../src/senders/signature.ts";
import { makeWebhookSender, type WebhookSenderParts } from "../../src/senders/webhook.ts";
import { atEnd } from "./at-end.ts";

export const LOOPBACK = ["127.0.0.0/8", "::1/128"];

/** A webhook sender that may reach loopback, with a deadline of 10 s; closed when the file's tests have ended. */
export const startWebhookSender = (given: Partial<WebhookSenderParts> = {}) => {
  const sender = makeWebhookSender({
    webhookAllow: LOOPBACK,
    publicUrl: "https://notices.example.com",
    timeoutMs: 10_000,
    version: "0.0.0-test",
    keyring: makeKeyring("a secret of at least thirty-two bytes"),
    clock: { now: () => new Date() },
    log: pino(new Writable({ write: (_chunk, _encoding, done) => done() })),
    ...given,
  });
  atEnd(() => sender.close());
  return sender;
};

export const TEST_NOTICE: NoticeContent = {
  notice: {
    no: 1,
    id: "CHG-1.r1.announcement",
    kind: "announcement",
    offset: null,
    lane: "routine",
    dueAt: "2027-01-01T08:00:00.000Z",
  },
  change: {
    change: "CHG-1",
    revision: 1,
    status: "announced",
    fields: { category: "major", service: "oauth", title: "Schlüssel laufen ab 🔑", releaseAt: "2027-04-03" },
    stamps: {},
    critical: false,
    dateSince: "2027-01-01T08:00:00Z",
    firstAcceptedAt: "2027-01-01T08:00:00Z",
  },
  previous: {},
  reason: null,
  sequence: 0,
  verdict: null,
  releasedAt: null,
  services: {},
  policyZone: "Europe/Paris",
};

export const addresseeAt = (address: string, given: Partial<Addressee> = {}): Addressee => ({
  delivery: "CHG-1.r1.announcement.ep_1",
  partner: "acme",
  name: "Acme",
  locale: "en",
  timeZone: "UTC",
  pageEpoch: 0,
  address,
  secrets: [newSecret()],
  threadRoot: null,
  ...given,
});

/** A TCP server on a free port of `host`, a loopback address, for what no HTTP server would do; stopped when the file's tests have ended. */
export const startTcp = async (onSocket: (socket: Socket) => void, host = "127.0.0.1") => {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    onSocket(socket);
    // Unread bytes would hide that the other side has gone.
    socket.resume();
  });
  let accepted = 0;
  server.on("connection", () => {
    accepted += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("no port was bound");
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: bound.port, open: () => sockets.size, accepted: () => accepted };
};
