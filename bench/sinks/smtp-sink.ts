import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { answerQuestions } from "../ask-child.ts";

/** The least that is an SMTP server on loopback: it takes every mail, keeps none and counts them. */
type Question = { kind: "listen" } | { kind: "count" };

const END_OF_MAIL = "\r\n.\r\n";
let mails = 0;

const ANSWERS: readonly [command: RegExp, answer: string][] = [
  [/^EHLO/i, "250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"],
  [/^DATA/i, "354 go on\r\n"],
  [/^QUIT/i, "221 bye\r\n"],
];

const serve = (socket: Socket): void => {
  let inMail = false;
  let kept = "";
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  socket.write("220 sink ESMTP\r\n");
  socket.on("data", (chunk: Buffer) => {
    kept += chunk.toString("latin1");
    for (;;) {
      if (inMail) {
        const end = kept.indexOf(END_OF_MAIL);
        if (end < 0) {
          kept = kept.slice(-END_OF_MAIL.length);
          return;
        }
        kept = kept.slice(end + END_OF_MAIL.length);
        inMail = false;
        mails += 1;
        socket.write("250 2.0.0 taken\r\n");
      } else {
        const end = kept.indexOf("\r\n");
        if (end < 0) return;
        const line = kept.slice(0, end);
        kept = kept.slice(end + 2);
        inMail = /^DATA/i.test(line);
        socket.write(ANSWERS.find(([command]) => command.test(line))?.[1] ?? "250 2.0.0 yes\r\n");
      }
    }
  });
};

answerQuestions(async (asked) => {
  const question = asked as Question;
  if (question.kind === "count") {
    const counted = { mails };
    mails = 0;
    return counted;
  }
  const server = createServer(serve).listen({ host: "127.0.0.1", port: 0, backlog: 512 });
  await once(server, "listening");
  const bound = server.address();
  return { port: typeof bound === "object" && bound ? bound.port : 0 };
});
