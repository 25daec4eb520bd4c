import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { answerQuestions } from "../ask-child.ts";

/**
 * The least that is an SMTP server on loopback, so that the machine's time goes to whoever sends: it takes every mail, keeps
 * none and counts them. It offers what relays do (Postfix, Exim, SES), PIPELINING among it: commands that come together are
 * answered together (RFC 2920, 3.2).
 */
type Question = { kind: "listen" } | { kind: "count" };

const END_OF_LINE = "\r\n";
const END_OF_MAIL = "\r\n.\r\n";
const GREETING = "220 sink ESMTP\r\n";
const EHLO = "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n";
const YES = "250 2.0.0 yes\r\n";
const GO_ON = "354 go on\r\n";
const TAKEN = "250 2.0.0 taken\r\n";
const BYE = "221 bye\r\n";
const NOTHING: Buffer = Buffer.alloc(0);

/** Commands by their first letter; of two that share it, no sender of the benchmark uses the other. */
const ANSWERS: Readonly<Record<string, string>> = { E: EHLO, D: GO_ON, Q: BYE };

let mails = 0;

const serve = (socket: Socket): void => {
  let inMail = false;
  /** What came of an end that is not whole yet. */
  let kept: Buffer = NOTHING;
  /** The answers to all that is whole in `bytes`. */
  const answersTo = (bytes: Buffer): string => {
    let answers = "";
    let from = 0;
    for (;;) {
      const mark: string = inMail ? END_OF_MAIL : END_OF_LINE;
      const end = bytes.indexOf(mark, from, "latin1");
      if (end < 0) break;
      if (inMail) {
        mails += 1;
        answers += TAKEN;
        inMail = false;
      } else {
        const answer = ANSWERS[String.fromCharCode(bytes[from] ?? 0)] ?? YES;
        inMail = answer === GO_ON;
        answers += answer;
      }
      from = end + mark.length;
    }
    // Of a mail under way only its last bytes can be the beginning of its end.
    if (inMail) from = Math.max(from, bytes.length - END_OF_MAIL.length + 1);
    kept = from < bytes.length ? bytes.subarray(from) : NOTHING;
    return answers;
  };
  socket.on("error", () => undefined);
  socket.write(GREETING, "latin1");
  socket.on("data", (chunk: Buffer) => {
    const answers = answersTo(kept === NOTHING ? chunk : Buffer.concat([kept, chunk]));
    if (answers !== "") socket.write(answers, "latin1");
  });
};

answerQuestions(async (asked) => {
  const question = asked as Question;
  if (question.kind === "count") {
    const counted = { mails };
    mails = 0;
    return counted;
  }
  const server = createServer({ noDelay: true }, serve).listen({ host: "127.0.0.1", port: 0, backlog: 512 });
  await once(server, "listening");
  const bound = server.address();
  return { port: typeof bound === "object" && bound ? bound.port : 0 };
});
