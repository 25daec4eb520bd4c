import type { PauseStatus } from "../flow/show-pauses.ts";
import type { Cli } from "./cli.ts";
import { CommandFailure } from "./exit.ts";
import { printable, type Terminal } from "./terminal.ts";
import { counted } from "../counted.ts";
import { moment } from "./words.ts";

/** Paused changes that get a line each. */
const NAMED = 10;

/** A line for all sending and a line for each paused change, or for `only` that one; none where nothing is paused. */
export const pauseLines = (
  terminal: Terminal,
  { pausedAt, waiting, changes }: PauseStatus,
  only?: string,
): string[] => {
  const concerned = changes.filter(({ change }) => only === undefined || change === only);
  const more = concerned.length - NAMED;
  // Right after an event its deliveries may not be there yet, and none is no news.
  const wait = waiting === 0 ? "" : `: ${counted(waiting, "delivery waits", "deliveries wait")}`;
  return [
    ...(pausedAt === null
      ? []
      : [`all sending is paused since ${moment(pausedAt)} UTC, emergencies too${wait}; forewarn resume`]),
    ...concerned
      .slice(0, NAMED)
      .map(
        ({ change, pausedAt: since }) =>
          `${printable(change)} is paused since ${moment(since)} UTC: nothing of it is sent; forewarn resume ${printable(change)}`,
      ),
    ...(more > 0
      ? [`${counted(more, "more change is", "more changes are")} paused; forewarn pause --status --json`]
      : []),
  ].map((line) => terminal.paint("yellow", `! ${line}`));
};

/** The same of the server as it is now. A key that may not read, or a server that does not say, is no fault of the command that asks. */
export const askPauseLines = async (cli: Cli, only?: string): Promise<string[]> => {
  try {
    return pauseLines(cli.terminal, await cli.client().get<PauseStatus>("/v1/pause"), only);
  } catch (error) {
    if (error instanceof CommandFailure) return [];
    throw error;
  }
};
