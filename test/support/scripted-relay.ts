import { type AddressInfo, createServer, type Socket } from "node:net";
import { atEnd } from "./at-end.ts";

/** What to answer a line with; `cut` drops the connection, `silent` never answers. `.` is the end of a mail. */
export type Script = (line: string, connection: number) => string | undefined;

export type ScriptedRelay = {
  url: string;
  /** Each connection's lines, commands only. */
  heard: string[][];
  open: () => number;
  close: () => Promise<void>;
};

const USUAL: readonly [RegExp, string][] = [
  [/^connect$/, "220 relay ESMTP"],
  [/^EHLO/, "250-relay\r\n250 8BITMIME"],
  [/^DATA/, "354 go on"],
  [/^\.$/, "250 2.0.0 taken"],
  [/^QUIT/, "221 bye"],
];

/**
 * A bare SMTP server on a free port of 127.0.0.1 whose every answer a test can replace, for what a well-behaved server
 * never does. It calls the script with `connect` when a connection opens.
 */
export const startScriptedRelay = async (script: Script = () => undefined): Promise<ScriptedRelay> => {
  const heard: string[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const no = heard.push([]) - 1;
    let rest = "";
    let inMail = false;
    socket.setNoDelay();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    const say = (line: string): void => {
      const answer = script(line, no) ?? USUAL.find(([verb]) => verb.test(line))?.[1] ?? "250 fine";
      inMail = line === "DATA" && answer.startsWith("354");
      if (answer === "cut") socket.destroy();
      else if (answer !== "silent") socket.write(`${answer}\r\n`);
    };
    say("connect");
    socket.on("data", (bytes) => {
      rest += bytes.toString("latin1");
      const lines = rest.split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (inMail && line !== ".") continue;
        heard[no]?.push(line);
        say(line);
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const relay: ScriptedRelay = {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  atEnd(relay.close);
  return relay;
};
