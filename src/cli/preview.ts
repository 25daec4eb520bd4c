import { Command } from "commander";
import type { EventAnswer } from "../flow/decide-event.ts";
import type { Recipients } from "../ledger/recipients.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { addEventFlags, type EventFlags, readEvents } from "./envelope.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { planView } from "./plan-view.ts";

const EXAMPLES = `
Examples:
  $ forewarn preview --change CHG-1042 --category major --service api --title "API v1 is retired" \\
      --release-at 2027-03-01
  $ forewarn preview event.json --at 2026-10-28T09:00:00+01:00`;

/** `forewarn preview`: what would be told to whom and when, without storing or sending anything. */
export const previewCommand = (cli: Cli): Command =>
  addEventFlags(new Command("preview").description("show the plan of an event; nothing is stored or sent"))
    .option("--at <time>", "as if the event came in then (default: now)")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, { json, at, ...flags }: EventFlags & JsonOption & { at?: string }) => {
      const { events } = await readEvents(cli, { file, flags });
      if (events.length !== 1) throw new CommandFailure(EXIT.usage, "one event can be previewed at a time");
      const { body } = await cli
        .client()
        .send<EventAnswer & { recipients: Recipients }>(
          "POST",
          "/v1/events",
          { contentType: "application/cloudevents+json", body: JSON.stringify(events[0]) },
          { dryRun: "true", at },
        );
      cli.terminal.answer({ json }, body, () => planView(cli.terminal, body));
    });
