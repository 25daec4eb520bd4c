import { Command } from "commander";
import { readConfig } from "../config.ts";
import type { Finding, FindingState } from "../doctor/finding.ts";
import { type Cli, JSON_FLAG, type JsonOption } from "./cli.ts";
import { CommandFailure, EXIT } from "./exit.ts";
import { printable, type Terminal } from "./terminal.ts";
import { counted } from "../counted.ts";

const EXAMPLES = `
Looks from this host, at the settings of the server that runs from the data folder, or at this environment's where none
runs; nothing is changed and nothing is sent. Exit code 1 when something is broken.

Example:
  $ forewarn doctor`;

const MARKS: Record<FindingState, [mark: string, style: "green" | "yellow" | "red" | "dim"]> = {
  good: ["✓", "green"],
  doubtful: ["!", "yellow"],
  broken: ["✗", "red"],
  skipped: ["–", "dim"],
};

const lineOf = (terminal: Terminal, { part, state, says, remedy }: Finding): string => {
  const [mark, style] = MARKS[state];
  const line = `${terminal.paint(style, mark)} ${part.padEnd(24)}${printable(says)}`;
  return remedy === null ? line : `${line}\n  ${" ".repeat(24)}→ ${printable(remedy)}`;
};

/** `forewarn doctor`: every part checked, with what to do. */
export const doctorCommand = (cli: Cli): Command =>
  new Command("doctor")
    .description("check every part, and say what to do about what is broken")
    .option(...JSON_FLAG)
    .addHelpText("after", EXAMPLES)
    .action(async (options: JsonOption) => {
      const config = readConfig();
      const [{ examine }, { readLocalServer }] = await Promise.all([
        import("../doctor/examine.ts"),
        import("../processes/local-server.ts"),
      ]);
      const findings = await examine(config, readLocalServer(config.dataFolder));
      const broken = findings.filter(({ state }) => state === "broken");
      const status = broken.length === 0 ? "good" : "broken";
      cli.terminal.answer(options, { status, findings }, () =>
        findings.map((finding) => lineOf(cli.terminal, finding)).join("\n"),
      );
      if (broken.length > 0)
        throw new CommandFailure(
          EXIT.failed,
          `${counted(broken.length, "part")} ${broken.length === 1 ? "is" : "are"} broken`,
        );
    });
