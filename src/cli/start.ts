import { Command } from "commander";
import { readConfig } from "../config.ts";
import type { Cli } from "./cli.ts";

const EXAMPLES = `
Listens on HOST and PORT (127.0.0.1:8484); keeps everything below FOREWARN_DATA (.forewarn), with a PostgreSQL
and a Redis of its own unless DATABASE_URL and REDIS_URL are set. Ends on SIGTERM or Ctrl-C, after what is
in flight; a second signal ends it at once.

Example:
  $ PORT=8500 SMTP_URL=smtp://localhost:1025 forewarn start`;

/** `forewarn start`: API, scheduler and senders in one process, until a signal. */
export const startCommand = (cli: Cli): Command =>
  new Command("start")
    .description("run everything in one process: API, scheduler, senders")
    .addHelpText("after", EXAMPLES)
    .action(async () => {
      const config = readConfig();
      const { runUntilSignal } = await import("./run-until-signal.ts");
      await runUntilSignal(config, cli.terminal);
    });
