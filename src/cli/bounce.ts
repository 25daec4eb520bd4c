import { Command } from "commander";
import type { TakenBounce } from "../flow/take-bounce.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";

const EXAMPLES = `
A hard bounce marks the mail address it is about; a mail by which somebody unsubscribes ends the mails to that address; any
other is left alone.

Examples:
  $ forewarn bounce < returned.eml
  # /etc/aliases, for a mail server that pipes bounces (75 keeps a mail for later):
  bounces: "|FOREWARN_URL=… FOREWARN_KEY=… forewarn bounce || exit 75"`;

const WORDS = {
  hard: "is marked as bounced",
  soft: "did not get this mail; it is counted",
  none: "is not lost: the report is no bad news",
} as const;

const sentencesOf = (taken: TakenBounce): string => {
  if (!taken.matched) return "no mail of ours: left alone";
  const { bounces, unsubscribed } = taken;
  if (unsubscribed) return `${unsubscribed.partner} ${unsubscribed.endpoint} gets no more mails: it unsubscribed`;
  return bounces
    .map(
      ({ delivery, endpoint, partner, kind, status }) =>
        `${partner} ${endpoint} ${WORDS[kind]} (${delivery}, ${status})`,
    )
    .join("\n");
};

/** `forewarn bounce`: hands over a raw delivery status mail from standard input. */
export const bounceCommand = (cli: Cli): Command =>
  new Command("bounce")
    .description("take a delivery status mail from standard input, as a mail server pipes it")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (options: JsonOption) => {
      if (cli.stdin.isTTY)
        throw new CommandFailure(EXIT.usage, "pipe a raw mail into it, as: forewarn bounce < returned.eml");
      const { body } = await cli
        .client()
        .send<TakenBounce>("POST", "/v1/bounces", { contentType: "message/rfc822", body: cli.stdin });
      cli.terminal.answer(options, body, () => sentencesOf(body));
    });
