import type { Outcome } from "../domain/delivery.ts";
import { clip, plainLine } from "../render/plain-text.ts";

/**
 * How far a mail got: `connect` and `login` end before it is begun, `mail`, `rcpt`, `data` are the commands that were
 * answered with a refusal, `body` is the answer after the last byte, `cut` a connection lost or a time-out under way.
 * `smtputf8`: the relay cannot take the address, which is not ASCII.
 */
export type Stage = "connect" | "login" | "smtputf8" | "mail" | "rcpt" | "data" | "body" | "cut";

/** What became of one SMTP transaction; `text` is the relay's answer or the socket's fault. */
export type SmtpEnd = { kind: "accepted"; code: number; text: string } | Ended;
export type Ended = { kind: "ended"; stage: Stage; code: number | null; text: string };

type Ruling = "retry" | "failed" | "bounced" | "unreachable";
type Answer = "4xx" | "5xx" | "none";

/** A refusal of our own account or of the sender is the relay's or ours to mend: everything waits for it. */
const RULINGS: Readonly<Record<Stage, Readonly<Record<Answer, Ruling>>>> = {
  connect: { "4xx": "unreachable", "5xx": "unreachable", none: "unreachable" },
  login: { "4xx": "unreachable", "5xx": "unreachable", none: "unreachable" },
  smtputf8: { "4xx": "failed", "5xx": "failed", none: "failed" },
  mail: { "4xx": "retry", "5xx": "unreachable", none: "retry" },
  rcpt: { "4xx": "retry", "5xx": "bounced", none: "retry" },
  data: { "4xx": "retry", "5xx": "failed", none: "retry" },
  body: { "4xx": "retry", "5xx": "failed", none: "retry" },
  cut: { "4xx": "retry", "5xx": "retry", none: "retry" },
};

/** 5xx answers that are not about what their stage is about; the first that fits is taken before RULINGS. */
const EXCEPTIONS: readonly { stages: readonly Stage[]; answer: RegExp; ruling: Ruling; because: string }[] = [
  {
    stages: ["mail", "rcpt", "data", "body"],
    answer: /^503\b/,
    ruling: "retry",
    because: "RFC 5321 4.2.3: the session was out of step, which a fresh one is not",
  },
  {
    stages: ["rcpt", "data"],
    answer: /^53[0458]\b/,
    ruling: "unreachable",
    because: "RFC 4954 6: our login is missing or too weak, for every mail",
  },
  {
    stages: ["rcpt"],
    answer: /^5\d\d[ -]5\.7\.\d/,
    ruling: "retry",
    because:
      "RFC 3463 3.8: a policy, often 'relay access denied'; a relay set up wrongly must not mark every address bounced",
  },
];

const WORDS: Readonly<Record<Stage, string>> = {
  connect: "the relay cannot be reached",
  login: "the relay refused our login",
  smtputf8: "the address needs SMTPUTF8",
  mail: "the relay refused our sender address",
  rcpt: "the relay refused the recipient",
  data: "the relay refused to take the mail",
  body: "the relay refused the mail",
  cut: "the connection to the relay broke off",
};

const LONGEST = 500;

const answerOf = (code: number | null): Answer => {
  if (code === null) return "none";
  return code >= 500 ? "5xx" : "4xx";
};

const rulingOf = ({ stage, code, text }: { stage: Stage; code: number | null; text: string }): Ruling =>
  EXCEPTIONS.find(({ stages, answer }) => stages.includes(stage) && answer.test(text))?.ruling ??
  RULINGS[stage][answerOf(code)];

type Refused = { code: number | null; error: string; answer: string | null };

const OUTCOMES: Readonly<Record<Ruling, (refused: Refused) => Outcome>> = {
  retry: (refused) => ({ kind: "retry", ...refused, retryAfterMs: null }),
  failed: (refused) => ({ kind: "failed", ...refused, endpoint: null }),
  bounced: (refused) => ({ kind: "failed", ...refused, endpoint: "bounced" }),
  unreachable: ({ error }) => ({ kind: "unreachable", error }),
};

/** The outcome of a transaction by the tables above. */
export const mailOutcome = (end: SmtpEnd): Outcome => {
  const said = clip(plainLine(end.text), LONGEST);
  if (end.kind === "accepted") return { kind: "sent", code: end.code, answer: said };
  const { stage, code } = end;
  return OUTCOMES[rulingOf(end)]({ code, error: `${WORDS[stage]}: ${said}`, answer: code === null ? null : said });
};
