import { CommanderError } from "commander";
import { ConfigError } from "../config.ts";
import type { Fault } from "../domain/fault.ts";
import { EmbeddedError } from "../embedded/embedded-error.ts";
import { Problem } from "../errors.ts";
import { CommandFailure, EXIT, type ExitCode, refusalLines } from "./exit.ts";
import { printable, type Terminal } from "./terminal.ts";

type Ending = { exitCode: ExitCode; sentence: string; faults: readonly Fault[] };

/** What the system refused, and what to do about it. */
const SYSTEM_FAULTS: Record<string, string> = {
  "listen EADDRINUSE": "another program listens there already; set PORT to a free one",
  "listen EACCES": "this user may not listen there; set PORT to one above 1023",
  "listen EADDRNOTAVAIL": "this machine has no such address; set HOST to one of its own",
  "connect ECONNREFUSED": "PostgreSQL does not answer; check DATABASE_URL",
  "getaddrinfo ENOTFOUND": "PostgreSQL's host is not known; check DATABASE_URL",
  "connect ENOENT": "PostgreSQL's socket is not there; check DATABASE_URL",
};

/** What each error that a command may end with means to a shell and to its reader; null: it has been said already. */
const endingOf = (error: unknown): Ending | null => {
  if (error instanceof CommanderError) return null;
  if (error instanceof CommandFailure)
    return { exitCode: error.exitCode, sentence: error.message, faults: error.faults };
  if (error instanceof ConfigError)
    return { exitCode: EXIT.config, sentence: "the configuration is wrong", faults: error.faults };
  if (error instanceof Problem) return { exitCode: EXIT.failed, sentence: error.message, faults: error.faults };
  if (error instanceof EmbeddedError) return { exitCode: EXIT.failed, sentence: error.message, faults: [] };
  const { code, syscall = "" } = error as NodeJS.ErrnoException;
  const known = SYSTEM_FAULTS[`${syscall} ${code}`];
  if (known) return { exitCode: EXIT.failed, sentence: `${known}: ${(error as Error).message}`, faults: [] };
  const sentence = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: EXIT.failed, sentence: `a fault of forewarn itself: ${sentence}`, faults: [] };
};

/** Says on standard error why a command failed, a line per fault (one JSON object with `--json`), and gives the exit code. */
export const report = (error: unknown, terminal: Terminal, asJson: boolean): ExitCode => {
  const ending = endingOf(error);
  if (!ending) return (error as CommanderError).exitCode === 0 ? EXIT.done : EXIT.usage;
  const { exitCode, sentence, faults } = ending;
  if (asJson) terminal.note(JSON.stringify({ detail: sentence, errors: faults, exitCode }));
  else for (const line of refusalLines("forewarn: ", sentence, faults)) terminal.note(safe(line));
  return exitCode;
};

/** A stack keeps its lines; nothing in one can steer the terminal. */
const safe = (text: string): string => text.split("\n").map(printable).join("\n");
