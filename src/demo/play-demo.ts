import type { Terminal } from "../cli/terminal.ts";
import { firstSignal } from "../processes/first-signal.ts";
import { type DemoEnding, type DemoOptions, runDemo } from "./run-demo.ts";
import { makeScreen } from "./screen.ts";

/** Runs the demo until it is over or somebody ends it; a second Ctrl-C ends it at once. */
export const playDemo = async (options: DemoOptions, terminal: Terminal): Promise<DemoEnding> => {
  const ending = new AbortController();
  void firstSignal().then(() => ending.abort());
  return runDemo(options, makeScreen(terminal, process.stdout), ending.signal);
};
