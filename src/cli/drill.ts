import { Command } from "commander";
import type { Drilled } from "../flow/drill.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { table } from "./table.ts";
import { counted } from "../counted.ts";

const EXAMPLES = `
Deletes every key of Forewarn's queue from Redis, and nothing else there, then rebuilds it from the ledger. Safe while
everything runs; sending pauses for as long as the rebuilding takes. Events on the queue that nobody has taken yet
are in no ledger, and are left alone.

Example:
  $ forewarn drill --yes`;

const KINDS: Record<keyof Drilled["back"], string> = {
  plans: "changes to plan",
  notices: "notices that wait for their time",
  chunks: "chunks of deliveries to send",
};

const view = (cli: Cli, { flushed, before, back, kept, rebuiltMs }: Drilled): string => {
  const rows = Object.entries(KINDS).map(([kind, what]) => ({ what, kind: kind as keyof typeof KINDS }));
  return [
    `${counted(flushed.keys, "key")} deleted in ${flushed.ms} ms, the queue rebuilt from the ledger in ${rebuiltMs} ms`,
    "",
    table(
      cli.terminal,
      [
        { title: "jobs", of: (row) => row.what },
        { title: "before", of: (row) => before[row.kind].toLocaleString("en"), align: "right" },
        { title: "back", of: (row) => back[row.kind].toLocaleString("en"), align: "right" },
      ],
      rows,
      "",
    ),
    ...(kept.events > 0
      ? ["", `${counted(kept.events, "event")} on the queue left alone: no ledger has them yet`]
      : []),
  ].join("\n");
};

/** `forewarn drill --yes`: the proof that Redis may be flushed at any moment. */
export const drillCommand = (cli: Cli): Command =>
  new Command("drill")
    .description("throw the queue away and rebuild it from the ledger, counting what comes back")
    .option("--yes", "do it")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (options: JsonOption & { yes?: boolean }) => {
      if (!options.yes)
        throw new CommandFailure(EXIT.usage, "this deletes the queue's keys from Redis; say --yes to do it");
      const { body } = await cli.client().send<Drilled>("POST", "/v1/drill");
      cli.terminal.answer(options, body, () => view(cli, body));
    });
