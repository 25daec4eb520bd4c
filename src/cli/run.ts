import { systemClock } from "../clock.ts";
import { readClientConfig } from "../config.ts";
import { type Client, findServer, makeClient } from "./client.ts";
import type { Cli } from "./cli.ts";
import { report } from "./report.ts";
import { makeProgram } from "./program.ts";
import { makeTerminal } from "./terminal.ts";

/** Runs the command that the arguments name; its exit code is the process's. */
export const runCommandLine = async (): Promise<void> => {
  const terminal = makeTerminal(process.stdout, process.stderr);
  // A reader that has seen enough (`| head`) ends the command quietly.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

  let client: Client | undefined;
  const cli: Cli = {
    terminal,
    client: () => (client ??= makeClient(findServer(readClientConfig()))),
    stdin: process.stdin,
    clock: systemClock,
  };

  try {
    await makeProgram(cli).parseAsync();
  } catch (error) {
    process.exitCode = report(error, terminal, process.argv.includes("--json"));
  }
};
