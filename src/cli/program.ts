import { readFileSync } from "node:fs";
import { Command } from "commander";
import { bounceCommand } from "./bounce.ts";
import { changeCommand } from "./change.ts";
import { changesCommand } from "./changes.ts";
import type { Cli } from "./cli.ts";
import { configCommand } from "./config-check.ts";
import { deliveriesCommand } from "./deliveries.ts";
import { demoCommand } from "./demo.ts";
import { doctorCommand } from "./doctor.ts";
import { drillCommand } from "./drill.ts";
import { emitCommand } from "./emit.ts";
import { keysCommand } from "./keys.ts";
import { partnersCommand } from "./partners.ts";
import { pauseCommand, resumeCommand } from "./pause.ts";
import { previewCommand } from "./preview.ts";
import { proofCommand } from "./proof.ts";
import { replayCommand } from "./replay.ts";
import { servicesCommand } from "./services.ts";
import { startCommand } from "./start.ts";

const FOOTER = `
Talks to FOREWARN_URL with FOREWARN_KEY, or to the server that runs from the local data folder.
Exit codes: 0 done, 1 failed, 2 usage, 78 configuration.

Examples:
  $ forewarn start
  $ forewarn preview --change CHG-1042 --category major --service api --title "…" --release-at 2027-03-01
  $ forewarn changes --status announced`;

const GROUPS: readonly [heading: string, commands: readonly ((cli: Cli) => Command)[]][] = [
  ["Run:", [startCommand, demoCommand, configCommand]],
  [
    "Changes:",
    [emitCommand, previewCommand, changesCommand, changeCommand, proofCommand, deliveriesCommand, replayCommand],
  ],
  ["Who is told:", [partnersCommand, servicesCommand]],
  ["Operate:", [keysCommand, pauseCommand, resumeCommand, bounceCommand, doctorCommand, drillCommand]],
];

const version = (): string => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return manifest.version;
};

/** Errors are thrown, never exited on; what commander itself says about usage goes to standard error as it is. */
const throwing = (command: Command): void => {
  command.exitOverride();
  for (const child of command.commands) throwing(child);
};

/** The whole command line. `parseAsync` throws CommanderError for usage, CommandFailure and ConfigError for the rest. */
export const makeProgram = (cli: Cli): Command => {
  const program = new Command("forewarn")
    .description(
      "Tells every partner of an API provider about every change that concerns them, in time, and proves it.",
    )
    .version(version())
    .helpCommand(false)
    .addHelpText("after", FOOTER);
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const make of commands) program.addCommand(make(cli));
  }
  throwing(program);
  return program;
};
