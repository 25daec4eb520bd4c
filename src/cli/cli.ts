import type { Readable } from "node:stream";
import type { Clock } from "../clock.ts";
import type { Client } from "./client.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is made of; tests of a command own each part. */
export type Cli = {
  terminal: Terminal;
  /** Finds the server on first use; throws CommandFailure when there is none. */
  client(): Client;
  stdin: Readable & { isTTY?: boolean };
  clock: Clock;
};

export type JsonOption = { json?: boolean };
export const JSON_FLAG = ["--json", "print the answer as JSON"] as const;
