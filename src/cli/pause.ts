import { Command } from "commander";
import type { PauseStatus } from "../flow/show-pauses.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { askPauseLines, pauseLines } from "./pause-lines.ts";

const pathOf = (name: "pause" | "resume", change: string | undefined): string =>
  change === undefined ? `/v1/${name}` : `/v1/changes/${encodeURIComponent(change)}/${name}`;

const status = async (cli: Cli, change: string | undefined, options: JsonOption): Promise<void> => {
  const held = await cli.client().get<PauseStatus>("/v1/pause");
  cli.terminal.answer(
    options,
    held,
    () => pauseLines(cli.terminal, held, change).join("\n") || "nothing is paused: what is due goes out",
  );
};

/** `forewarn pause [change]`. */
export const pauseCommand = (cli: Cli): Command =>
  new Command("pause")
    .description("hold sending, of one change or of all; what is due waits")
    .argument("[change]", "only this change (default: all)")
    .option("--status", "hold nothing, and say what is paused, since when, and how much waits")
    .option(...JSON_FLAG)
    .addHelpText("after", "\nExamples:\n  $ forewarn pause\n  $ forewarn pause CHG-1042\n  $ forewarn pause --status")
    .action(async (change: string | undefined, options: JsonOption & { status?: boolean }) => {
      if (options.status) return status(cli, change, options);
      const { body } = await cli.client().send<unknown>("POST", pathOf("pause", change));
      const what = change ?? "everything, emergencies too";
      cli.terminal.answer(options, body, () => `paused ${what}: events are accepted and planned, nothing is sent`);
    });

/** `forewarn resume [change]`; says what another pause still holds. */
export const resumeCommand = (cli: Cli): Command =>
  new Command("resume")
    .description("send again what was held, of one change or of all")
    .argument("[change]", "only this change (default: all)")
    .option(...JSON_FLAG)
    .addHelpText("after", "\nExamples:\n  $ forewarn resume\n  $ forewarn resume CHG-1042")
    .action(async (change: string | undefined, options: JsonOption) => {
      const { body } = await cli.client().send<unknown>("POST", pathOf("resume", change));
      const still = options.json ? [] : await askPauseLines(cli, change);
      const goes = still.length === 0 ? ": what is due goes out" : "";
      cli.terminal.answer(options, body, () => [`resumed ${change ?? "everything"}${goes}`, ...still].join("\n"));
    });
