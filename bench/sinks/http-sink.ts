import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import { answerQuestions } from "../ask-child.ts";
import { wallMs } from "../wall-clock.ts";

/**
 * The least that is an HTTP/1.1 server for small POSTs, so that the machine's time goes to whoever sends: it finds the
 * end of the head, counts the body's bytes, and answers 200. It keeps connections, or with `fresh` closes each.
 */
type Question =
  | { kind: "listen"; addresses: string[]; fresh: boolean; certificates?: { key: string; certs: string[] } }
  /** What came since the last count, and when the first of it was whole. */
  | { kind: "count" }
  /** Answered once a first request has come since the last count. */
  | { kind: "first" };

const ANSWER = Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
const LAST_ANSWER = Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");

let requests = 0;
let firstAt: number | null = null;
let firstCame = Promise.withResolvers<void>();

/** Bytes of the first whole request in `bytes`; 0 when it is not whole. */
const lengthOfFirst = (bytes: Buffer): number => {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return 0;
  const [, length = "0"] = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString("latin1", 0, end)) ?? [];
  const whole = end + 4 + Number(length);
  return bytes.length >= whole ? whole : 0;
};

const serve = (fresh: boolean) => (socket: Socket) => {
  let kept: Buffer | null = null;
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    let bytes: Buffer = kept === null ? chunk : Buffer.concat([kept, chunk]);
    for (let length = lengthOfFirst(bytes); length > 0; length = lengthOfFirst(bytes)) {
      requests += 1;
      if (firstAt === null) {
        firstAt = wallMs();
        firstCame.resolve();
      }
      bytes = bytes.subarray(length);
      if (fresh) socket.end(LAST_ANSWER);
      else socket.write(ANSWER);
    }
    kept = bytes.length > 0 ? bytes : null;
  });
};

const listenAt = async (server: Server, host: string, port: number): Promise<number> => {
  server.listen({ host, port, backlog: 4_096 });
  await once(server, "listening");
  const bound = server.address();
  return typeof bound === "object" && bound ? bound.port : 0;
};

answerQuestions(async (asked) => {
  const question = asked as Question;
  if (question.kind === "count") {
    const counted = { requests, firstAt };
    requests = 0;
    firstAt = null;
    firstCame = Promise.withResolvers();
    return counted;
  }
  if (question.kind === "first") {
    await firstCame.promise;
    return { firstAt };
  }
  const { addresses, fresh, certificates } = question;
  const ports: number[] = [];
  for (const [no, address] of addresses.entries()) {
    const cert = certificates?.certs[no];
    const server =
      certificates && cert
        ? createTlsServer({ key: certificates.key, cert }, serve(fresh))
        : createServer(serve(fresh));
    ports.push(await listenAt(server, address, 0));
  }
  return { ports };
});
