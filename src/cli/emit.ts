import { Command } from "commander";
import type { EventAnswer } from "../flow/decide-event.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { addEventFlags, type EventFlags, readEvents } from "./envelope.ts";
import { emitBatch } from "./emit-batch.ts";
import { askPauseLines } from "./pause-lines.ts";
import { planView } from "./plan-view.ts";

const EXAMPLES = `
Examples:
  $ forewarn emit --type created --change CHG-1042 --category major --service api \\
      --title "API v1 is retired" --release-at 2027-03-01
  $ forewarn emit event.json
  $ forewarn emit --type cancelled --change CHG-1042 --reason "kept after feedback"`;

/** `forewarn emit`: sends events and prints what the policy made of them. */
export const emitCommand = (cli: Cli): Command =>
  addEventFlags(new Command("emit").description("send a change event, from a file, standard input or flags"))
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, { json, ...flags }: EventFlags & JsonOption) => {
      const { events, batch } = await readEvents(cli, { file, flags });
      if (batch) return emitBatch(cli, events, { json });
      const { body, headers } = await cli.client().send<EventAnswer>("POST", "/v1/events", {
        contentType: "application/cloudevents+json",
        body: JSON.stringify(events[0]),
      });
      if (headers["forewarn-duplicate"]) cli.terminal.note("accepted earlier: this is the first answer");
      cli.terminal.answer({ json }, body, () => planView(cli.terminal, body));
      if (!json) for (const line of await askPauseLines(cli, body.change)) cli.terminal.print(`\n${line}`);
    });
